// What every store promises of bulk imports.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { within } from '../testing/contract.ts'
import type { Made } from './contract.ts'
import { CHUNK_EVENTS_MAX, type ImportProgress, type NewRecord, type Records } from './import.ts'
import type { Store, StoredEvent, Unit } from './store.ts'

const record = (stream: string, data: unknown): NewRecord => ({
  id: Bun.randomUUIDv7(),
  stream,
  type: 'Happened',
  schema: 'abcdefghij',
  data: JSON.stringify(data),
  meta: '{"correlation":"c","causation":"c"}',
})

/** As the log has it, but for where and when. */
const asGiven = ({ version: _, position: __, at: ___, ...given }: StoredEvent): NewRecord => given
const inPages = (records: readonly NewRecord[], size = 700): Records =>
  async function* () {
    for (let i = 0; i < records.length; i += size) yield records.slice(i, i + size)
  }
const FINGERPRINT = { fingerprint: 'f' }
const append = (stream: string): Unit => ({ slices: [{ stream, expect: 'any', events: [record(stream, 'live')] }], keys: [] })

async function all(store: Store): Promise<readonly StoredEvent[]> {
  const events: StoredEvent[] = []
  for (;;) {
    const page = await store.readAll({ after: events.at(-1)?.position ?? 0, limit: 1_000 })
    if (!page.length) return events
    events.push(...page)
  }
}

async function ran(steps: AsyncIterable<ImportProgress>): Promise<readonly ImportProgress[]> {
  return Array.fromAsync(steps)
}

/** Each event's version is one more than that of the event before it in its stream. */
function hasVersionsInOrder(events: readonly StoredEvent[]): void {
  const versions = new Map<string, number>()
  for (const { stream, version } of events) {
    expect(version).toBe((versions.get(stream) ?? 0) + 1)
    versions.set(stream, version)
  }
}

/** One promise of imports: `run` throws where it is not kept. `make` gives further stores. */
export type ImportCase = { readonly title: string; readonly run: (made: Made, make: () => Promise<Made>) => Promise<void> }

export const importCases: readonly ImportCase[] = [
  {
    title: 'gives the records in their order, byte for byte, with versions in the order of their streams',
    run: async ({ store }) => {
      const odd = ['\\', '\t\r\n', '\\.', 'é\u2028😀', '"', '\\N', '\u0000']
      const records = Array.from({ length: 2 * CHUNK_EVENTS_MAX + 500 }, (_, i) => record(`order-${i % 37}`, { i, odd }))
      const steps = await ran(store.import('i', inPages([record('order-a\tb\\c', 1), ...records]), FINGERPRINT))
      const events = await all(store)
      expect(events.slice(1).map(asGiven)).toEqual(records)
      expect(events[0]!.stream).toBe('order-a\tb\\c')
      expect(events.map(({ position }) => position)).toEqual(events.map((_, i) => i + 1))
      hasVersionsInOrder(events)
      expect(steps[0]).toMatchObject({ moved: 0, total: records.length + 1 })
      expect(steps.length).toBe(4)
      expect(steps.at(-1)).toMatchObject({ moved: records.length + 1, total: records.length + 1, position: events.length })
    },
  },

  {
    title: 'lets others append between its chunks, and goes on behind them',
    run: async ({ store }) => {
      await store.append([append('order-1')])
      const records = Array.from({ length: 2 * CHUNK_EVENTS_MAX + 1 }, (_, i) => record(`order-${i % 3}`, i))
      for await (const _ of store.import('i', inPages(records), FINGERPRINT)) await store.append([append('order-1')])
      const events = await all(store)
      hasVersionsInOrder(events)
      expect(events.filter(({ data }) => data !== '"live"').map(asGiven)).toEqual(records)
      expect(events.length).toBe(records.length + 5)
    },
  },

  {
    title: 'moves nothing a second time, nor under the same name something else',
    run: async ({ store, reopen }) => {
      const records = [record('order-1', 1), record('order-1', 2)]
      await ran(store.import('i', inPages(records), FINGERPRINT))
      const again = store.system === 'memory' ? store : await reopen()
      expect(await ran(again.import('i', inPages(records), FINGERPRINT))).toEqual([{ moved: 2, total: 2, position: 2 }])
      await expect(ran(again.import('i', inPages(records), { fingerprint: 'other' }))).rejects.toMatchObject({
        reason: 'refused',
      })
      expect(await store.head()).toBe(2)
      await ran(again.import('j', inPages(records), FINGERPRINT))
      expect(await store.head()).toBe(4)
    },
  },

  {
    title: 'moves nothing where reading fails, and then goes on as if it had never been tried',
    run: async ({ store }) => {
      const records = Array.from({ length: CHUNK_EVENTS_MAX + 1 }, (_, i) => record('order-1', i))
      const broken: Records = async function* () {
        yield* inPages(records)()
        throw new Error('line 2002 is bad')
      }
      await expect(ran(store.import('i', broken, FINGERPRINT))).rejects.toThrow('line 2002 is bad')
      expect(await store.head()).toBe(0)
      await ran(store.import('i', inPages(records), FINGERPRINT))
      expect((await all(store)).map(asGiven)).toEqual(records)
    },
  },

  {
    title: 'imports nothing of nothing',
    run: async ({ store }) => {
      expect(await ran(store.import('i', inPages([]), FINGERPRINT))).toEqual([{ moved: 0, total: 0, position: 0 }])
    },
  },

  {
    title: 'with new streams only refuses one that had events before it began, and none that it or others made since',
    run: async ({ store }) => {
      await store.append([append('order-old')])
      const records = Array.from({ length: CHUNK_EVENTS_MAX + 1 }, (_, i) => record('order-1', i))
      const options = { ...FINGERPRINT, onlyNew: true }
      await expect(ran(store.import('i', inPages([...records, record('order-old', 1)]), options))).rejects.toThrow(
        'order-old had events before',
      )
      expect(await store.head()).toBe(1)
      for await (const _ of store.import('j', inPages([...records, record('order-2', 1)]), options))
        await store.append([append('order-2')])
      hasVersionsInOrder(await all(store))
    },
  },

  {
    title: 'gives the log of one run where it is ended at any point, any number of times, and run again',
    run: (_, make) =>
      fc.assert(
        fc.asyncProperty(
          fc.array(
            fc.record({ stream: fc.constantFrom('order-1', 'order-2', 'order-3'), size: fc.integer({ min: 1, max: 700_000 }) }),
            {
              minLength: 1,
              maxLength: 12,
            },
          ),
          fc.array(fc.record({ reads: fc.nat(30), steps: fc.nat(4) }), { maxLength: 4 }),
          (shapes, faults) =>
            within(make, async ({ store }) => {
              const records = shapes.map(({ stream, size }, i) => record(stream, `${i} ${'x'.repeat(size)}`))
              for (const { reads, steps } of faults) {
                let left = reads
                const failing: Records = async function* () {
                  for (const one of records) {
                    if (left-- === 0) throw new Error('made to fail')
                    yield [one]
                  }
                }
                let wanted = steps
                const some = async () => {
                  for await (const _ of store.import('i', failing, FINGERPRINT)) if (wanted-- === 0) return
                }
                await some().catch(error => expect(error.message).toBe('made to fail'))
              }
              await ran(store.import('i', inPages(records, 1), FINGERPRINT))
              const events = await all(store)
              expect(events.map(asGiven)).toEqual(records)
              hasVersionsInOrder(events)
            }),
        ),
        { numRuns: 12 },
      ),
  },
]

export function importContract(name: string, make: () => Promise<Made>): void {
  describe(`an import into ${name}`, () => {
    for (const { title, run } of importCases) test(title, () => within(make, made => run(made, make)))
  })
}
