-- Ends the claim KEYS[1], if it is still that of ARGV[1].
if redis.pcall('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end
return 0
