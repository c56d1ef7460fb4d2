// Rows against a fold of the log made apart: through crashes, failures and resets.
import { afterEach, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { spec } from '../../definitions/event/events.ts'
import type { NewPage } from '../../ports/read-model/progress.ts'
import { memory } from '../../ports/store/memory.ts'
import { StoreError } from '../../ports/store/errors.ts'
import type { Store } from '../../ports/store/store.ts'
import { cleanUp } from '../../test-support/cleanup.ts'
import { audit } from '../audit.ts'
import { type TallyData, appendTally, foldLog, rowsOf, startProcess, sums, table } from '../../test-support/tally.ts'
import { untilProcessed } from '../../test-support/until-processed.ts'

afterEach(cleanUp)

describe('rows at the checkpoint', () => {
  const said = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        to: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1 }),
        n: fc.integer({ min: -9, max: 9 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ from: fc.constantFrom('a', 'b', 'c', 'd') }) },
  )
  const act = fc.oneof(
    { weight: 6, arbitrary: fc.record({ append: fc.array(said, { minLength: 1, maxLength: 5 }) }) },
    { weight: 1, arbitrary: fc.constant('kill' as const) },
    { weight: 1, arbitrary: fc.constant('fail' as const) },
    { weight: 1, arbitrary: fc.constant('reset' as const) },
  )

  /** Runs acts, checking rows after each commit; gives what was wrong. */
  async function run(
    acts: readonly (string | { append: TallyData[] })[],
    commit: (real: (page: NewPage) => Promise<boolean>, page: NewPage) => Promise<boolean>,
  ) {
    const store = memory()
    const wrong: string[] = []
    let failures = 0
    const real = store.readModel.commit
    const checked = {
      ...store,
      readModel: {
        ...store.readModel,
        commit: async (page: NewPage) => {
          if (failures > 0 && failures--) throw new StoreError('unavailable', 'made to fail')
          const done = await commit(real, page)
          const { rows, position } = await rowsOf(store)
          if (!Bun.deepEquals(rows, await foldLog(store, position))) wrong.push(`at ${position}: ${JSON.stringify(rows)}`)
          return done
        },
      },
    } as Store
    let at = await startProcess(checked, sums, 20)
    for (const act of acts) {
      if (act === 'kill') {
        at.kill()
        at = await startProcess(checked, sums, 20)
      } else if (act === 'fail') failures = 2
      else if (act === 'reset') await store.readModel.reset(table.name, 0)
      else if (typeof act === 'object') await appendTally(store, ...act.append)
      await Bun.sleep(0)
    }
    await untilProcessed(at.subscriptions, await store.head())
    const end = await rowsOf(store)
    if (!Bun.deepEquals(end.rows, await foldLog(store, end.position))) wrong.push('in the end')
    expect((await audit(store, sums[spec], table)).differences).toEqual([])
    await cleanUp()
    return wrong
  }

  test('rows are the fold of the log at the checkpoint after any crash, failure and reset', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 12 }), async acts => {
        expect(await run(acts, (real, page) => real(page))).toEqual([])
      }),
      { numRuns: 25 },
    )
  })

  test('the model finds a checkpoint that is written before its rows', async () => {
    const acts = [{ append: [{ to: ['a'], n: 1 }] }, 'kill', { append: [{ to: ['a'], n: 2 }] }]
    const saveCheckpointFirst = async (real: (page: NewPage) => Promise<boolean>, page: NewPage) =>
      page.rows.length ? real({ ...page, rows: [] }) : real(page)
    expect((await run(acts, saveCheckpointFirst).catch(error => [String(error)])).length).toBeGreaterThan(0)
  })
})
