-- Claims KEYS[1] for ARGV[1], for ARGV[2] ms, unless another has it.
return redis.call('set', KEYS[1], ARGV[1], 'px', ARGV[2], 'nx')
