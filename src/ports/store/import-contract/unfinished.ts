// What an unfinished import left is resumed or given up, and never joined by another one.
import { verbCommand } from '../../../lib/verb-command.ts'
import { expect } from 'bun:test'
import fc from 'fast-check'
import { runWithin } from '../../../test-support/contract.ts'
import { CHUNK_EVENTS_MAX } from '../import.ts'
import type { NewRecord } from '../import-record.ts'
import type { Store } from '../store.ts'
import type { ImportCase } from './case.ts'
import { SOURCE, asGiven, inPages, newRecord, readLog, runImport } from './builders.ts'

const buildRecords = (many: number) => Array.from({ length: many }, (_, i) => newRecord(`order-${i % 3}`, i))

/** Imports up to a step, and then stops, as a process that is killed does. */
async function importUntil(store: Store, records: readonly NewRecord[], steps: number): Promise<void> {
  let left = steps
  for await (const _ of store.import(inPages(records), SOURCE)) if (left-- === 0) return
}

export const unfinished: readonly ImportCase[] = [
  {
    title: 'is listed until it has moved all, with what it has moved, and refuses another one until then',
    run: async ({ store }) => {
      const records = buildRecords(CHUNK_EVENTS_MAX + 10)
      expect(await store.imports()).toEqual([])
      await importUntil(store, records, 1)
      const [found, ...others] = await store.imports()
      expect(others).toEqual([])
      expect(found).toMatchObject({ source: 'a.csv', moved: CHUNK_EVENTS_MAX, total: CHUNK_EVENTS_MAX + 10 })
      expect(Date.parse(found!.beganAt)).toBeGreaterThan(0)
      const other = runImport(store.import(inPages([newRecord('order-1', 'other')]), { source: 'b.csv' }))
      await expect(other).rejects.toThrow(
        `the import of a.csv is not finished: ${CHUNK_EVENTS_MAX} of ${CHUNK_EVENTS_MAX + 10} events are moved; import the same file again, or end it with \`${verbCommand('imports', 'end', found!.name)}\``,
      )
      expect(await store.head()).toBe(CHUNK_EVENTS_MAX)
      const steps = await runImport(store.import(inPages(records), { source: 'c.csv' }))
      expect(steps.map(({ moved, total, known }) => [moved, total, known])).toEqual([
        [CHUNK_EVENTS_MAX, CHUNK_EVENTS_MAX + 10, 0],
        [CHUNK_EVENTS_MAX + 10, CHUNK_EVENTS_MAX + 10, 0],
      ])
      expect([(await readLog(store)).map(asGiven), await store.imports()]).toEqual([records, []])
    },
  },
  {
    title: 'is given up by name: what it has moved stays, and is not moved again by a mended one',
    run: async ({ store }) => {
      const records = buildRecords(CHUNK_EVENTS_MAX + 10)
      await importUntil(store, records, 1)
      const { name } = (await store.imports())[0]!
      expect(await store.endImport('other')).toBe(false)
      expect(await store.endImport(name)).toBe(true)
      expect([await store.endImport(name), await store.imports()]).toEqual([false, []])
      const mended = [...records.slice(0, -1), newRecord('order-1', 'mended')]
      const steps = await runImport(store.import(inPages(mended), SOURCE))
      expect(steps.at(-1)).toMatchObject({ moved: 10, total: 10, known: CHUNK_EVENTS_MAX })
      expect((await readLog(store)).map(asGiven)).toEqual(mended)
    },
  },
  {
    title: 'moves nothing more once it was given up',
    run: async ({ store }) => {
      const importing = store.import(inPages(buildRecords(10)), SOURCE)
      await importing.next()
      const { name } = (await store.imports())[0]!
      await store.endImport(name)
      await expect(importing.next()).rejects.toThrow('another process moves or has ended this import')
      expect(await store.head()).toBe(0)
    },
  },
  {
    title: 'brings each id once, whatever files are imported, stopped, mended and given up before',
    run: (_, make, share = 1) =>
      fc.assert(
        fc.asyncProperty(
          fc.array(fc.record({ file: fc.constantFrom('same', 'mended', 'longer'), steps: fc.nat(3), gaveUp: fc.boolean() }), {
            maxLength: 4,
          }),
          fc.constantFrom<'same' | 'mended' | 'longer'>('same', 'mended', 'longer'),
          (runs, last) =>
            runWithin(make, async ({ store }) => {
              // Large enough that two of them make a chunk.
              const records = Array.from({ length: 6 }, (_, i) => newRecord('order-1', `${i} ${'x'.repeat(500_000)}`))
              const files = {
                same: records,
                mended: records.with(3, newRecord('order-1', 'mended')),
                longer: [newRecord('order-1', 'first'), ...records],
              }
              const giveUp = async () => {
                for (const { name } of await store.imports()) await store.endImport(name)
              }
              for (const { file, steps, gaveUp } of runs) {
                const refused = await importUntil(store, files[file], steps).catch((error: Error) => error.message)
                if (refused !== undefined) expect(refused).toContain('is not finished')
                if (gaveUp) await giveUp()
              }
              const idsOf = async () => (await readLog(store)).map(({ id }) => id)
              const before = new Set(await idsOf())
              await runImport(store.import(inPages(files[last]), SOURCE)).catch(async () => {
                await giveUp()
                await runImport(store.import(inPages(files[last]), SOURCE))
              })
              const found = await idsOf()
              expect(new Set(found).size).toBe(found.length)
              expect(files[last].every(({ id }) => found.includes(id))).toBe(true)
              // An import that brings nothing new leaves one that is not finished as it is.
              if (files[last].every(({ id }) => before.has(id))) await giveUp()
              expect(await store.imports()).toEqual([])
            }),
        ),
        {
          numRuns: 1 + Math.ceil(6 * share),
          // All of the last file is there already, beside another one that is not finished.
          examples: [
            [
              [
                { file: 'same', steps: 3, gaveUp: false },
                { file: 'mended', steps: 0, gaveUp: false },
              ],
              'same',
            ],
          ],
        },
      ),
  },
]
