import type { Config } from '../src/config.ts'
import type { Store } from '../src/store/store.ts'

/** The store that the configuration names; only the adapter it needs is loaded. */
export async function storeOf(config: Config, options: { readonly migrate?: boolean } = {}): Promise<Store> {
  const migrate = options.migrate ?? config.MIGRATE
  const { sqlite } = await import('../src/sqlite/index.ts')
  return sqlite(config.SQLITE_FILE, { migrate })
}
