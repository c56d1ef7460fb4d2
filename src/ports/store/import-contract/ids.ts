// An id is in the log once.
import { expect } from 'bun:test'
import type { NewRecord } from '../import-record.ts'
import type { Store } from '../store.ts'
import type { ImportCase } from './case.ts'
import { SOURCE, asGiven, inPages, newRecord, readLog, runImport, unitTo } from './builders.ts'

const withMeta = (record: NewRecord, meta: object): NewRecord => ({ ...record, meta: JSON.stringify(meta) })

/** Expects that an import is refused, and leaves nothing: no event, and nothing that is unfinished. */
async function expectRefused(store: Store, records: readonly NewRecord[], texts: readonly string[]): Promise<void> {
  const head = await store.head()
  const refused: unknown = await runImport(store.import(inPages(records), SOURCE)).catch((error: unknown) => error)
  expect(refused).toMatchObject({ name: 'StoreError', reason: 'refused' })
  for (const text of texts) expect((refused as Error).message).toContain(text)
  expect([await store.head(), await store.imports()]).toEqual([head, []])
}

export const ids: readonly ImportCase[] = [
  {
    title: 'moves only what the log lacks, behind what others have appended since',
    run: async ({ store }) => {
      const records = Array.from({ length: 6 }, (_, i) => newRecord(`order-${i % 2}`, i))
      await runImport(store.import(inPages([records[1]!, records[4]!]), SOURCE))
      await store.append([unitTo('order-1')])
      const steps = await runImport(store.import(inPages(records), SOURCE))
      expect(steps).toEqual([
        { moved: 0, total: 4, known: 2, position: 0 },
        { moved: 4, total: 4, known: 2, position: 7 },
      ])
      const events = (await readLog(store)).filter(({ data }) => data !== '"live"').map(asGiven)
      expect(events).toEqual([1, 4, 0, 2, 3, 5].map(i => records[i]!))
    },
  },
  {
    title: 'moves a record once that is there twice, and says so',
    run: async ({ store }) => {
      const [one, two] = [newRecord('order-1', 1), newRecord('order-1', 2)]
      const steps = await runImport(store.import(inPages([one, two, one, one], 1), SOURCE))
      expect(steps.at(-1)).toEqual({ moved: 2, total: 2, known: 2, position: 2 })
      expect((await readLog(store)).map(asGiven)).toEqual([one, two])
    },
  },
  {
    title: 'is refused where a line has the id of an earlier one with another event, naming both lines and the id',
    run: async ({ store }) => {
      const record = newRecord('order-1', 1)
      const { id } = record
      await expectRefused(
        store,
        [newRecord('order-1', 0), record, { ...record, data: '2' }],
        [`line 3: the id ${id} is on line 2 too, with other data`],
      )
      await expectRefused(
        store,
        [record, { ...record, stream: 'order-2' }],
        [`line 2: the id ${id} is on line 1 too, with another stream`],
      )
    },
  },
  {
    title: 'is refused where a line has the id of another event of the log, naming the line, the id and the position',
    run: async ({ store }) => {
      const record = withMeta(newRecord('order-1', 1), { occurredAt: '2001-01-01T00:00:00Z' })
      const { id } = record
      await runImport(store.import(inPages([newRecord('order-1', 0), record]), SOURCE))
      const changes: readonly [Partial<NewRecord>, string][] = [
        [{ data: '2' }, 'other data'],
        [{ stream: 'order-2' }, 'another stream, order-1'],
        [{ type: 'Gone' }, 'another type, Happened'],
        [{ meta: '{"occurredAt":"2001-01-01T00:00:01Z"}' }, 'another time, 2001-01-01T00:00:00Z'],
        [{ meta: '{}' }, 'another time, 2001-01-01T00:00:00Z'],
      ]
      for (const [change, text] of changes)
        await expectRefused(
          store,
          [newRecord('order-9', 0), { ...record, ...change, line: 7 }],
          ['1 of the ids', `line 7: the id ${id} is in the log, at position 2, with ${text}`],
        )
      const same = [
        withMeta(record, { occurredAt: '2001-01-01T01:00:00+01:00' }),
        withMeta(record, { correlation: 'other', occurredAt: '2001-01-01T00:00:00Z' }),
      ]
      for (const one of same)
        expect(await runImport(store.import(inPages([one]), SOURCE))).toMatchObject([{ total: 0, known: 1 }])
    },
  },
  {
    title: 'knows an event by the time at which it came into the log, where nothing says when it happened',
    run: async ({ store }) => {
      await store.append([unitTo('order-1')])
      const [event] = await readLog(store)
      const exported = withMeta(asGiven(event!), { correlation: 'c', causation: 'c', occurredAt: event!.at })
      expect(await runImport(store.import(inPages([exported]), SOURCE))).toMatchObject([{ total: 0, known: 1 }])
      await expectRefused(store, [withMeta(exported, { occurredAt: '2001-01-01T00:00:00Z' })], [`another time, ${event!.at}`])
    },
  },
  {
    title: 'tells of twenty records that differ, and how many more there are',
    run: async ({ store }) => {
      const records = Array.from({ length: 25 }, (_, i) => newRecord('order-1', i))
      await runImport(store.import(inPages(records), SOURCE))
      const changed = records.map(record => ({ ...record, data: '"changed"' }))
      await expectRefused(store, changed, ['25 of the ids', 'line 1: ', 'line 20: ', '… and 5 more'])
    },
  },
]
