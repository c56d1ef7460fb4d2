// An import that is stopped and repeated moves each record once.
import { expect } from 'bun:test'
import fc from 'fast-check'
import { runWithin } from '../../../test-support/contract.ts'
import { CHUNK_EVENTS_MAX } from '../import.ts'
import type { Records } from '../import-record.ts'
import type { ImportCase } from './case.ts'
import { SOURCE, asGiven, expectVersionsInOrder, inPages, newRecord, readLog, runImport } from './builders.ts'

export const repetition: readonly ImportCase[] = [
  {
    title: 'moves nothing a second time, from whatever source, and says that all was there',
    run: async ({ store, reopen }) => {
      const records = [newRecord('order-1', 1), newRecord('order-1', 2)]
      await runImport(store.import(inPages(records), SOURCE))
      const again = store.system === 'memory' ? store : await reopen()
      for (const source of ['a.csv', 'b.csv'])
        expect(await runImport(again.import(inPages(records), { source }))).toEqual([
          { moved: 0, total: 0, known: 2, position: 0 },
        ])
      expect(await store.head()).toBe(2)
    },
  },
  {
    title: 'moves nothing where reading fails, and then goes on as if it had never been tried',
    run: async ({ store }) => {
      const records = Array.from({ length: CHUNK_EVENTS_MAX + 1 }, (_, i) => newRecord('order-1', i))
      const broken: Records = async function* () {
        yield* inPages(records)()
        throw new Error('line 2002 is bad')
      }
      await expect(runImport(store.import(broken, SOURCE))).rejects.toThrow('line 2002 is bad')
      expect([await store.head(), await store.imports()]).toEqual([0, []])
      await runImport(store.import(inPages(records), SOURCE))
      expect((await readLog(store)).map(asGiven)).toEqual(records)
    },
  },
  {
    title: 'gives the log of one run where it is ended at any point, any number of times, and run again',
    run: (_, make, share = 1) =>
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
            runWithin(make, async ({ store }) => {
              const records = shapes.map(({ stream, size }, i) => newRecord(stream, `${i} ${'x'.repeat(size)}`))
              for (const { reads, steps } of faults) {
                let left = reads
                const failing: Records = async function* () {
                  for (const one of records) {
                    if (left-- === 0) throw new Error('made to fail')
                    yield [one]
                  }
                }
                let wanted = steps
                const importSome = async () => {
                  for await (const _ of store.import(failing, SOURCE)) if (wanted-- === 0) return
                }
                await importSome().catch(error => expect(error.message).toBe('made to fail'))
              }
              await runImport(store.import(inPages(records, 1), SOURCE))
              const events = await readLog(store)
              expect(events.map(asGiven)).toEqual(records)
              expectVersionsInOrder(events)
              expect(await store.imports()).toEqual([])
            }),
        ),
        { numRuns: Math.ceil(6 * share) },
      ),
  },
]
