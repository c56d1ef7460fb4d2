// An import can be told to refuse streams that have events.
import { expect } from 'bun:test'
import { CHUNK_EVENTS_MAX } from '../import.ts'
import type { ImportCase } from './case.ts'
import { SOURCE, expectVersionsInOrder, inPages, newRecord, readLog, runImport, unitTo } from './builders.ts'

export const newStreams: readonly ImportCase[] = [
  {
    title: 'with new streams only refuses one that had events before it began, and none that it or others made since',
    run: async ({ store }) => {
      await store.append([unitTo('order-old')])
      const records = Array.from({ length: CHUNK_EVENTS_MAX + 1 }, (_, i) => newRecord('order-1', i))
      const options = { ...SOURCE, onlyNew: true }
      await expect(runImport(store.import(inPages([...records, newRecord('order-old', 1)]), options))).rejects.toThrow(
        'order-old had events before',
      )
      expect(await store.head()).toBe(1)
      for await (const _ of store.import(inPages([...records, newRecord('order-2', 1)]), options))
        await store.append([unitTo('order-2')])
      expectVersionsInOrder(await readLog(store))
    },
  },
]
