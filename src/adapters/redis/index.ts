export { type RedisCache, type RedisCacheOptions, type RedisStatus, redisCache } from './cache.ts'
