// A store stamps events with a time that never goes back.
import { expect } from 'bun:test'
import type { Store } from '../store.ts'
import type { StoreCase } from './case.ts'
import { HOUR_MS, appendUnit, newEvent, readLog, unit } from './builders.ts'

export const time: readonly StoreCase[] = [
  {
    title: 'stamps an append with one time, in UTC, which never goes back though the clock does',
    run: async ({ store, advance, reopen }) => {
      const stamps: string[] = []
      const stamp = async (store: Store) => {
        const { at } = await appendUnit(store, unit('s-1', 'any', [newEvent(1), newEvent(2)]))
        stamps.push(at)
      }
      await stamp(store)
      await advance(HOUR_MS)
      await stamp(store)
      await advance(-2 * HOUR_MS)
      await stamp(store)
      const reopened = await reopen()
      await stamp(reopened)
      expect(stamps).toEqual(stamps.toSorted())
      expect(stamps.every(at => new Date(at).toISOString() === at)).toBeTrue()
      expect((await readLog(reopened)).map(({ at }) => at)).toEqual(stamps.flatMap(at => [at, at]))
    },
  },
]
