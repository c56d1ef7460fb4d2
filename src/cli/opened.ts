import { storeOf } from '../config.ts'
import type { Store } from '../ports/store/store.ts'
import type { Call } from './verb.ts'

/**
 * Opens the store of the app, or that of the configuration, and runs with it, even beside a server. `exclusive`:
 * refuses the file of a running server.
 */
export async function withStore<T>(
  call: Pick<Call, 'store' | 'config'>,
  run: (store: Store) => Promise<T>,
  { exclusive = false }: { readonly exclusive?: boolean } = {},
): Promise<T> {
  const store = call.store ?? (await storeOf(call.config, { exclusive }))
  await store.open()
  try {
    return await run(store)
  } finally {
    await store.close()
  }
}
