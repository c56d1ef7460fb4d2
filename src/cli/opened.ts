import { storeOf } from '../config.ts'
import type { Store } from '../ports/store/store.ts'
import { definitionOf } from '../definitions/definition.ts'
import { OperationRefused, Operations } from '../subscription/operations.ts'
import { type Call, Misused } from './verb.ts'

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

/** Runs with the operations on the subscriptions of an app. One that is refused is a misuse. */
export function operate(call: Call, run: (operations: Operations) => Promise<number>): Promise<number> {
  return withStore(call, async store => {
    try {
      return await run(new Operations(store, call.serve.map(definitionOf)))
    } catch (error) {
      throw error instanceof OperationRefused ? new Misused(error.message) : error
    }
  })
}
