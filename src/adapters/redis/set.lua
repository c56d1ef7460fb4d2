-- Takes a value under KEYS[1] unless it is older than what is there or than a watermark, KEYS[2..].
-- ARGV: position, value, its time to live, that of watermarks (both in ms), a fresh nonce, the current position or '', nonces seen.
--
-- A watermark that is missing may have been anything. So it begins as `~nonce 0`, and a raise that finds it so is written down there:
-- `~nonce 12`. The client then reads the current position, which covers all raises before that, and comes again with the nonce; only if
-- the very same beginning is still there is the watermark the higher of both. Had it been evicted meanwhile, raises could be lost with it.
local position = tonumber(ARGV[1])
local refused = false
local missing = false
local nonces = {}
for i = 2, #KEYS do
  local found = redis.pcall('get', KEYS[i])
  local mark = type(found) == 'string' and found or ''
  local level = string.match(mark, '^%d+$')
  local nonce, raised = string.match(mark, '^~(%S+) (%d+)$')
  if nonce and ARGV[6] ~= '' and nonce == ARGV[5 + i] then
    level = tonumber(raised) > tonumber(ARGV[6]) and raised or ARGV[6]
    if redis.pcall('set', KEYS[i], level, 'px', ARGV[4])['err'] then return 'failed' end
  elseif not level and not nonce then
    nonce = ARGV[5]
    if redis.pcall('set', KEYS[i], '~' .. nonce .. ' 0', 'px', ARGV[4])['err'] then return 'failed' end
  end
  if tonumber(level or raised or '0') > position then refused = true end
  if not level then missing = true end
  nonces[i - 1] = level and '' or nonce
end
if refused then return 'refused' end
if missing then return nonces end
local there = redis.pcall('get', KEYS[1])
if type(there) == 'string' then
  local cut = string.find(there, '\n', 1, true)
  local ok, head = pcall(cjson.decode, string.sub(there, 1, (cut or 1) - 1))
  if ok and type(head) == 'table' and type(head.position) == 'number' and head.position > position then return 'refused' end
end
if redis.pcall('set', KEYS[1], ARGV[2], 'px', ARGV[3])['err'] then return 'failed' end
for i = 2, #KEYS do redis.call('pexpire', KEYS[i], ARGV[4]) end
return 'stored'
