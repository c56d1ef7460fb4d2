-- Posts one body to a path whose id is new each time, and prints what came of it as JSON.
local prefix, before, after, body = '', '', '', ''
local sent = 0

function init(args)
  prefix, before, after, body = args[1], args[2], args[3], args[4]
end

function request()
  sent = sent + 1
  return wrk.format('POST', before .. prefix .. sent .. after, { ['Content-Type'] = 'application/json' }, body)
end

function done(summary, latency)
  io.write(string.format(
    '\n{"requests":%d,"us":%d,"p50":%d,"p99":%d,"failed":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout
  ))
end
