import { storeOf } from '../config.ts'
import type { Store } from '../ports/store/store.ts'
import type { Call } from './verb.ts'

/**
 * Runs with the store that the app names, else that of the configuration: beside a server, if there is one. `exclusive`: the file of a
 * server that runs is refused.
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
