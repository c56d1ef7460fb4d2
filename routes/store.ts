import type { Cache } from '../src/cache/cache.ts'
import type { Config } from '../src/config.ts'
import type { Store } from '../src/store/store.ts'

/** The store that the configuration names; only the adapter it needs is loaded. */
export async function storeOf(config: Config, options: { readonly exclusive?: boolean } = {}): Promise<Store> {
  const migrate = config.MIGRATE
  if (config.DATABASE_URL === undefined) {
    const { sqlite } = await import('../src/sqlite/index.ts')
    return sqlite(config.SQLITE_FILE, { migrate, ...options })
  }
  const { postgres } = await import('../src/postgres/index.ts')
  const { DATABASE_URL, DATABASE_DIRECT_URL, DATABASE_SCHEMA, DATABASE_POOLER } = config
  return postgres(DATABASE_URL, {
    migrate,
    schema: DATABASE_SCHEMA,
    ...(DATABASE_POOLER !== undefined && { pooler: DATABASE_POOLER }),
    ...(DATABASE_DIRECT_URL !== undefined && { directUrl: DATABASE_DIRECT_URL }),
  })
}

/** The cache that the configuration names, loaded when it is needed; none where there is no REDIS_URL. */
export function cacheOf(
  { REDIS_URL }: Config,
  report: (error: unknown) => void = console.error,
): ((prefix: string) => Promise<Cache>) | null {
  if (REDIS_URL === undefined) return null
  return async prefix => {
    const { redisCache } = await import('../src/redis/index.ts')
    return redisCache({ url: REDIS_URL, prefix, report })
  }
}
