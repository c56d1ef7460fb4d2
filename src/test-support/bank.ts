// A runtime of accounts on a store in memory that can be made to fail, and somebody else who writes to it.
import { type RuntimeOptions, type Services, startServices } from '../runtime.ts'
import { memory } from '../ports/store/memory.ts'
import type { NewEvent } from '../ports/store/event.ts'
import type { Store } from '../ports/store/store.ts'
import { account } from './account.ts'
import { cleanUpLater } from './cleanup.ts'
import { type FailingStore, failingStore } from './failing-store.ts'

/** One process; `log` is shared with others where it is given. */
export async function openBank({ log = memory(), ...options }: Partial<RuntimeOptions> & { readonly log?: Store } = {}): Promise<{
  readonly emaki: Services
  readonly store: FailingStore
}> {
  const store = failingStore(log)
  const emaki = await startServices({ serve: [account], store, ...options })
  cleanUpLater(() => emaki.close())
  return { store, emaki }
}

/** Appends one deposit as another process would, at any version of the stream. */
export async function appendAsOther({ inner }: FailingStore, stream: string, note = 'foreign'): Promise<void> {
  await inner.append([{ slices: [{ stream, expect: 'any', events: [buildDeposited(note)] }], keys: [] }])
}

function buildDeposited(note: string): NewEvent {
  return { id: Bun.randomUUIDv7(), type: 'Deposited', schema: 'other', data: JSON.stringify({ cents: 1, note }), meta: '{}' }
}

export const range = (length: number): number[] => Array.from({ length }, (_, i) => i)
