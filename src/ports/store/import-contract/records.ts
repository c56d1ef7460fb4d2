// An import keeps the order and the bytes of its records.
import { expect } from 'bun:test'
import { CHUNK_EVENTS_MAX } from '../import.ts'
import type { ImportCase } from './case.ts'
import { SOURCE, asGiven, expectVersionsInOrder, inPages, newRecord, readLog, runImport, unitTo } from './builders.ts'

export const records: readonly ImportCase[] = [
  {
    title: 'gives the records in their order, byte for byte, with versions in the order of their streams',
    run: async ({ store }) => {
      const odd = ['\\', '\t\r\n', '\\.', 'é\u2028😀', '"', '\\N', '\u0000']
      const records = Array.from({ length: 2 * CHUNK_EVENTS_MAX + 500 }, (_, i) => newRecord(`order-${i % 37}`, { i, odd }))
      const steps = await runImport(store.import(inPages([newRecord('order-a\tb\\c', 1), ...records]), SOURCE))
      const events = await readLog(store)
      expect(events.slice(1).map(asGiven)).toEqual(records)
      expect(events[0]!.stream).toBe('order-a\tb\\c')
      expect(events.map(({ position }) => position)).toEqual(events.map((_, i) => i + 1))
      expectVersionsInOrder(events)
      expect(steps[0]).toMatchObject({ moved: 0, total: records.length + 1 })
      expect(steps.length).toBe(4)
      expect(steps.at(-1)).toMatchObject({ moved: records.length + 1, total: records.length + 1, position: events.length })
    },
  },
  {
    title: 'lets others append between its chunks, and goes on behind them',
    run: async ({ store }) => {
      await store.append([unitTo('order-1')])
      const records = Array.from({ length: 2 * CHUNK_EVENTS_MAX + 1 }, (_, i) => newRecord(`order-${i % 3}`, i))
      for await (const _ of store.import(inPages(records), SOURCE)) await store.append([unitTo('order-1')])
      const events = await readLog(store)
      expectVersionsInOrder(events)
      expect(events.filter(({ data }) => data !== '"live"').map(asGiven)).toEqual(records)
      expect(events.length).toBe(records.length + 5)
    },
  },
  {
    title: 'imports nothing of nothing',
    run: async ({ store }) => {
      expect(await runImport(store.import(inPages([]), SOURCE))).toEqual([{ moved: 0, total: 0, known: 0, position: 0 }])
    },
  },
]
