// Rows whose fold changed without a new version: folded again in development, and reported in production.
import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { decider } from '../definitions/decider/decider.ts'
import { events, spec } from '../definitions/event/events.ts'
import { foldFingerprint } from '../definitions/projection/fold-fingerprint.ts'
import { projection } from '../definitions/projection/projection.ts'
import { Notice } from '../ports/report/notice.ts'
import { memory } from '../ports/store/memory.ts'
import { startServices } from '../runtime.ts'
import { untilProcessed } from '../test-support/until-processed.ts'
import { checkFold } from './changed-folds.ts'

const Added = z.object({ n: z.int() })
const Counter = events('counter', { Added })
const counter = decider(Counter, {
  initial: {},
  evolve: { Added: s => s },
  commands: { add: Added },
  decide: { add: (_, data) => Counter.Added(data) },
})
const sound = { from: Counter, row: z.object({ sum: z.int() }), initial: { sum: 0 } }
const added = projection('sums', { ...sound, evolve: { Added: ({ sum }, { n }) => ({ sum: sum + n }) } })
const doubled = projection('sums', { ...sound, evolve: { Added: ({ sum }, { n }) => ({ sum: sum + 2 * n }) } })

async function addOne(store: ReturnType<typeof memory>, sums: typeof added) {
  const reported: unknown[] = []
  const emaki = await startServices({ serve: [counter, sums], store, report: problem => void reported.push(problem) })
  const sent = await emaki.send(counter.add('c', { n: 1 }))
  if (sent.outcome !== 'accepted') throw new Error(sent.outcome)
  await untilProcessed(emaki, sent.position)
  const row = await emaki.row(sums, 'c')
  await emaki.close()
  return { sum: row?.sum, reported: reported.map(one => (one instanceof Notice ? one.code : one)) }
}

describe('a fold that changed without a new version', () => {
  test('a fold that changed without a new version folds its rows again, outside of production, and says so once', async () => {
    const store = memory()
    expect(await addOne(store, added)).toEqual({ sum: 1, reported: [] })
    expect(await addOne(store, added)).toEqual({ sum: 2, reported: [] })
    expect(await addOne(store, doubled)).toEqual({ sum: 6, reported: ['rows-refolded'] })
    expect(await addOne(store, doubled)).toEqual({ sum: 8, reported: [] })
  })

  const check = async (store: ReturnType<typeof memory>, of: typeof added) => {
    const reported: Notice[] = []
    const report = (problem: unknown) => void reported.push(problem as Notice)
    const table = { table: 'sums_v1', projection: 'sums', fold: foldFingerprint(of[spec]), mend: 'Rebuild.' }
    await checkFold({ store, report, refoldsChanged: false }, table)
    return reported
  }

  test('a fold that changed without a new version is reported by each start in production, of either release, and its rows stay', async () => {
    const store = memory()
    await addOne(store, added)
    expect(await check(store, added)).toEqual([])
    for (const of of [doubled, doubled, added])
      expect(await check(store, of)).toMatchObject([
        {
          level: 'warn',
          code: 'fold-changed',
          message: expect.stringContaining('Rebuild.'),
          fields: { subscription: 'sums_v1' },
        },
      ])
    expect((await store.readModel.progress(['sums_v1']))[0]!.position).toBe(1)
  })

  test('a fold that changed without a new version is forgotten once its rows are folded from the beginning', async () => {
    const store = memory()
    await addOne(store, added)
    await check(store, doubled)
    await store.readModel.reset('sums_v1', 0)
    expect(await addOne(store, doubled)).toEqual({ sum: 4, reported: [] })
    expect(await check(store, doubled)).toEqual([])
  })

  test('rows that an earlier release folded, which noted no fold, are taken to be of today’s', async () => {
    const store = memory()
    await addOne(store, added)
    await store.readModel.setFingerprints('sums_v1', [])
    expect(await check(store, doubled)).toEqual([])
    expect(await store.readModel.fingerprints('sums_v1')).toEqual([foldFingerprint(doubled[spec])])
  })
})

describe('the fingerprint of a fold', () => {
  const fixed = { ...sound, evolve: { Added: () => null } }
  const fold = (changed: object) => foldFingerprint(projection('sums', { ...fixed, ...changed })[spec])

  test.each([
    ['row', { row: z.object({ sum: z.int(), note: z.string().optional() }) }],
    ['initial row', { initial: { sum: 1 } }],
    ['evolve', { evolve: { Added: () => ({ sum: 1 }) } }],
    ['key', { key: { Added: () => 'all' } }],
  ])('the fingerprint of a fold differs after a change of its %s', (_, changed) => {
    expect(fold(changed)).not.toBe(fold({}))
  })

  test('the fingerprint of a fold is the same after a change of an event that its functions do not show', () => {
    const wider = events('counter', { Added: z.object({ n: z.int(), note: z.string().optional() }) })
    expect(fold({ from: wider })).toBe(fold({}))
  })
})
