-- Gives the value under KEYS[1] if it is at or above the position ARGV[2] and the watermarks of its tags, whose keys begin with ARGV[1].
-- What cannot be read, of whatever type it is, is a miss.
local value = redis.pcall('get', KEYS[1])
if type(value) ~= 'string' then return false end
local cut = string.find(value, '\n', 1, true)
if not cut then return false end
local ok, head = pcall(cjson.decode, string.sub(value, 1, cut - 1))
if not ok or type(head) ~= 'table' or type(head.position) ~= 'number' or type(head.tags) ~= 'table' then return false end
if head.position < tonumber(ARGV[2]) or #head.tags > 256 then return false end
local keys = { ARGV[1] }
for i, tag in ipairs(head.tags) do
  if type(tag) ~= 'string' then return false end
  keys[i + 1] = ARGV[1] .. tag
end
for _, mark in ipairs(redis.call('mget', unpack(keys))) do
  -- Positions are compared as numbers, which are exact up to 2^53, and kept as the text they came as, which Lua would round.
  if not mark or not string.match(mark, '^%d+$') or tonumber(mark) > head.position then return false end
end
return value
