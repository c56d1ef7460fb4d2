// The key of what a processor has sent is kept for as long as its event may come again, and ends some day.
import { expect } from 'bun:test'
import type { NewPage } from '../../read-model/progress.ts'
import { GONE_MS, PASSED_KEEP_MS } from '../sent-keys.ts'
import type { Store } from '../store.ts'
import { appendUnit, HOUR_MS, newEvent, newKey, slice, unit } from './builders.ts'
import type { StoreCase } from './case.ts'

const KEY = 'agenda:mails:0198:order.pay:o1'

/** Appends an event, and what a processor has sent because of it: at 1 and 2. */
async function appendSent(store: Store, key = KEY): Promise<void> {
  await appendUnit(store, unit('s-1', 0, [newEvent(1)]))
  await appendUnit(store, { slices: [slice('t-1', 0)], keys: [newKey(key, 't-1', 1, 1)] })
}

async function moveTo(store: Store, to: number, changed: Partial<Pick<NewPage, 'park' | 'unpark'>> = {}): Promise<void> {
  const { name, epoch, position } = (await store.readModel.acquire('mails', { owner: 'me', ttlMs: HOUR_MS, start: 0 }))!
  const page = { name, epoch, from: position, to, ttlMs: HOUR_MS, rows: [], park: [], unpark: [], ...changed }
  expect(await store.readModel.commit(page)).toBeTrue()
}

const isKnown = async (store: Store, key = KEY) => (await store.load([], [key])).keys.length > 0

export const sentKeys: readonly StoreCase[] = [
  {
    title: 'keeps the key of a processor while its event may come again, then for a month, and deletes it',
    run: async ({ store, advance }) => {
      const parked = { kind: 'key', key: 's-1' } as const
      await appendSent(store)
      const steps = [
        () => moveTo(store, 1),
        () => moveTo(store, 2, { park: [{ ...parked, position: 1, cause: 'paper' }] }),
        () => moveTo(store, 9),
      ]
      for (const step of steps) {
        await step()
        expect(await store.forgetKeys()).toBe(0)
        await advance(2 * PASSED_KEEP_MS)
        expect([await store.forgetKeys(), await isKnown(store)]).toEqual([0, true])
      }
      await moveTo(store, 10, { unpark: [parked] })
      expect(await store.forgetKeys()).toBe(0)
      await advance(PASSED_KEEP_MS - HOUR_MS)
      expect([await store.forgetKeys(), await isKnown(store)]).toEqual([0, true])
      await advance(2 * HOUR_MS)
      expect([await isKnown(store), await store.forgetKeys(), await store.forgetKeys()]).toEqual([false, 1, 0])
    },
  },
  {
    title: 'keeps the keys of a processor for longer that is reset before their events',
    run: async ({ store, advance }) => {
      await appendSent(store)
      await moveTo(store, 2)
      await store.forgetKeys()
      await store.readModel.reset('mails', 0)
      await advance(2 * PASSED_KEEP_MS)
      expect([await store.forgetKeys(), await isKnown(store)]).toEqual([0, true])
    },
  },
  {
    title: 'ends the keys of a processor that nobody has run for a year, and of one that has never begun',
    run: async ({ store, advance }) => {
      const ofOther = 'agenda:mailing:0198:order.pay:o1'
      await appendSent(store)
      await appendUnit(store, { slices: [slice('u-1', 0)], keys: [newKey(ofOther, 'u-1', 1, 1)] })
      await moveTo(store, 1)
      await advance(GONE_MS - HOUR_MS)
      expect(await store.forgetKeys()).toBe(0)
      await advance(PASSED_KEEP_MS)
      expect([await store.forgetKeys(), await isKnown(store)]).toEqual([0, true])
      await advance(PASSED_KEEP_MS + HOUR_MS)
      expect([await isKnown(store), await isKnown(store, ofOther), await store.forgetKeys()]).toEqual([false, true, 1])
      await advance(GONE_MS)
      expect([await isKnown(store, ofOther), await store.forgetKeys()]).toEqual([false, 1])
    },
  },
]
