// An idempotency key lives as long as its pending entry.
import { expect } from 'bun:test'
import type { AgendaCase } from './case.ts'
import { HOUR, OWNER, commitEntries, entry, sentOf } from './builders.ts'

export const keys: readonly AgendaCase[] = [
  {
    title: 'keeps the idempotency keys of what is pending, though their time is over, until it is done',
    run: async ({ store, advance }) => {
      await commitEntries(store, [entry('a'), entry('b')])
      const key = (key: string) => ({
        ...{ key, fingerprint: 'f', version: 0, count: 0, rejection: null, keepMs: HOUR },
        stream: 's-1',
      })
      const slices = [{ stream: 's-1', expect: 'any', events: [] } as const]
      await store.append([{ slices, keys: [key('agenda:a'), key('answer:a'), key('client:x')] }])
      const known = async () => (await store.load([], ['agenda:a', 'answer:a', 'client:x'])).keys.map(({ key }) => key).toSorted()
      await advance(2 * HOUR)
      expect(await known()).toEqual([])
      await store.forgetKeys()
      await store.agenda.renewKeys(OWNER, HOUR)
      expect(await known()).toEqual(['agenda:a', 'answer:a'])
      await store.agenda.done([sentOf('a')])
      await advance(2 * HOUR)
      await store.forgetKeys()
      await store.agenda.renewKeys(OWNER, HOUR)
      expect(await known()).toEqual([])
    },
  },
]
