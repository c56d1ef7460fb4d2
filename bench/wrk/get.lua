-- Asks for one path, or with an id that is another one each time behind it, and prints what came of it as JSON.
local before, ids = '', 0
local sent = 0

function init(args)
  before, ids = args[1], tonumber(args[2])
end

function request()
  sent = sent + 1
  return wrk.format('GET', ids > 0 and before .. (sent % ids) or before)
end

function done(summary, latency)
  io.write(string.format(
    '\n{"requests":%d,"us":%d,"p50":%d,"p99":%d,"failed":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout
  ))
end
