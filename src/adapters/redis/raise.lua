-- Raises each watermark of KEYS to at least its position in ARGV. One that is missing stays so, as it is a miss, and as an older raise
-- that comes late would begin it too low. What cannot be raised (no memory, another type) is deleted, which is a miss too.
for i, key in ipairs(KEYS) do
  local mark = redis.pcall('get', key)
  if mark then
    local text = type(mark) == 'string' and mark or ''
    local level = string.match(text, '^%d+$')
    local nonce, raised = string.match(text, '^~(%S+) (%d+)$')
    local known = tonumber(level or raised)
    local written = known ~= nil
    if known and known < tonumber(ARGV[i]) then
      local value = nonce and '~' .. nonce .. ' ' .. ARGV[i] or ARGV[i]
      written = not redis.pcall('set', key, value, 'keepttl')['err']
    end
    if not written then redis.call('del', key) end
  end
end
return 1
