// After a restore to an earlier time: tokens of before are refused, and no subscription passes over what is appended anew.
import { afterAll, describe, expect, spyOn, test } from 'bun:test'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { app } from '../../routes/index.ts'
import { type Config, readConfig } from '../config.ts'
import { decider } from '../definitions/decider/decider.ts'
import { spec, events } from '../definitions/event/events.ts'
import { processManager } from '../definitions/process/process.ts'
import { after } from '../definitions/process/timer.ts'
import { processor } from '../definitions/processor.ts'
import { projection } from '../definitions/projection/projection.ts'
import { postgres } from '../adapters/postgres/store.ts'
import type { Served } from '../definitions/definition.ts'
import { runtime } from '../runtime.ts'
import { memory } from '../ports/store/memory.ts'
import { runVerb } from '../test-support/run-verb.ts'
import { until } from '../test-support/servers/until.ts'
import { testSchema, type TestSchema } from '../test-support/schema.ts'
import { restoreVerb } from './restore.ts'
import { untilProcessed } from '../test-support/until-processed.ts'

const folder = mkdtempSync(join(tmpdir(), 'emaki-restore-'))
afterAll(() => rmSync(folder, { recursive: true }))

const Sum = events('sum', { Added: z.object({ n: z.int() }) })
const sum = decider(Sum, {
  initial: { total: 0 },
  evolve: { Added: (s, { n }) => ({ total: s.total + n }) },
  commands: { add: z.object({ n: z.int() }) },
  decide: { add: (_, data) => Sum.Added(data) },
  expose: z.object({ total: z.int() }),
  snapshot: { every: 1, version: 1 },
})
const sums = projection('sums', {
  from: Sum,
  row: z.object({ total: z.int() }),
  initial: { total: 0 },
  evolve: { Added: (row, { n }) => ({ total: row.total + n }) },
})
const watched = processManager('watched', {
  from: Sum,
  to: sum,
  begins: 'Added',
  initial: { seen: [] as number[] },
  evolve: { Added: (s, { n }) => ({ seen: [...s.seen, n] }) },
  react: { Added: (_, __, { instance }) => after('1 day', 'forgotten', sum.add(instance, { n: 0 })) },
  on: { rejected: () => [] },
})
const heard: number[] = []
const listening = processor('listening', { from: Sum, handle: page => void heard.push(...page.map(({ data }) => data.n)) })
const serve: readonly Served[] = [sum, sums, watched, listening]

type RunningApp = {
  readonly add: (n: number) => Promise<string>
  readonly total: (token?: string) => Promise<number>
  readonly row: (token: string) => Promise<readonly [number, unknown]>
  readonly seen: () => Promise<unknown>
  readonly stop: () => Promise<void>
}

async function startApp(config: Config): Promise<RunningApp> {
  const emaki = app({ serve, config })
  const served = await emaki[spec].start()
  const { store } = served
  return {
    add: async n => {
      const init = { method: 'POST', body: JSON.stringify({ n }), headers: { 'Content-Type': 'application/json' } }
      const answer = await emaki.request('/sum/a/add', init)
      expect(answer.ok).toBeTrue()
      await untilProcessed(served, ((await answer.clone().json()) as { position: number }).position)
      return answer.headers.get('Event-Position')!
    },
    total: async () => ((await (await emaki.request('/sum/a')).json()) as { total: number }).total,
    row: async token => {
      const answer = await emaki.request('/sums/a', { headers: { 'Min-Position': token } })
      return [answer.status, await answer.json()]
    },
    seen: async () => {
      const row = await store.readModel.get({ name: 'process_watched_v1', indexes: [] }, 'a')
      return (JSON.parse(row.found!.data) as { state: { seen: unknown } }).state.seen
    },
    stop: () => emaki[spec].stop(),
  }
}

/** Adds 1 and 2, takes a backup, adds 4 and 8, has the backup restored, and looks at what comes after. */
async function runBeforeAndAfter(
  config: Config,
  backup: () => Promise<void>,
  restoredFrom: () => Promise<void>,
): Promise<object> {
  const before = await startApp(config)
  for (const n of [1, 2]) await before.add(n)
  await before.stop()
  await backup()
  const lost = await startApp(config)
  const tokens = [await lost.add(4), await lost.add(8)]
  await lost.stop()
  await restoredFrom()
  const { code, out } = await runVerb(restoreVerb, { config, serve, values: { yes: true }, json: true })
  expect(code).toBe(0)
  heard.length = 0
  const again = await startApp(config)
  // A position is used again, by an event that no token of before names.
  const token = await again.add(16)
  expect(token).toBe('2.3')
  expect(await again.total()).toBe(19)
  expect(await again.row(token)).toEqual([200, expect.objectContaining({ total: 19 })])
  for (const of of tokens) expect((await again.row(of))[0]).toBeGreaterThanOrEqual(400)
  expect(await again.seen()).toEqual([1, 2, 16])
  expect(heard).toEqual([16])
  await again.stop()
  return JSON.parse(out) as object
}

/** The log as it was after two events; all else stays. */
async function movedBack({ sql, schema }: TestSchema): Promise<void> {
  await sql.begin(async tx => {
    await tx`set local session_replication_role = replica`
    await tx`delete from ${tx(`${schema}.events`)} where position > 2`
    await tx`select setval(${`${schema}.positions`}, 2)`
  })
}

describe('restore', () => {
  test('restore of a copy of a SQLite file refuses earlier tokens, and passes over nothing', async () => {
    const file = join(folder, 'log.db')
    const config = readConfig({ SQLITE_FILE: file })
    const backup = async () => copyFileSync(file, `${file}.backup`)
    const restoredFrom = async () => {
      for (const end of ['-wal', '-shm']) rmSync(`${file}${end}`, { force: true })
      copyFileSync(`${file}.backup`, file)
    }
    expect(await runBeforeAndAfter(config, backup, restoredFrom)).toEqual({
      epoch: 2,
      head: 2,
      keys: 0,
      snapshots: 0,
      entries: 0,
      moved: [],
    })
  })

  test('restore of the log alone moves back what is past its head, and forgets what came of lost events', async () => {
    const at = await testSchema()
    const config = readConfig({ DATABASE_URL: at.url, DATABASE_SCHEMA: at.schema })
    expect(
      await runBeforeAndAfter(
        config,
        async () => {},
        () => movedBack(at),
      ),
    ).toMatchObject({
      ...{ epoch: 2, head: 2, keys: 0, snapshots: 1 },
      // The timer that the last event set.
      entries: 1,
      moved: [
        { name: 'listening', from: 4, to: 2, rows: 'none' },
        { name: 'process_watched', from: 4, to: 2, rows: 'folded again' },
        { name: 'sums_v1', from: 4, to: 0, rows: 'folded again' },
      ],
    })
    await at.drop()
  })

  test('restore is asked for by a log that ends before where subscriptions are, which is not served until then', async () => {
    const at = await testSchema()
    const config = readConfig({ DATABASE_URL: at.url, DATABASE_SCHEMA: at.schema })
    const before = await startApp(config)
    for (const n of [1, 2, 4]) await before.add(n)
    await before.stop()
    await movedBack(at)
    await expect(startApp(config)).rejects.toThrow(/the log ends at 2, before listening, at 3; .*`emaki restore`/)
    expect((await runVerb(restoreVerb, { config, serve, values: { yes: true } })).code).toBe(0)
    await (await startApp(config)).stop()
    await at.drop()
  })

  test('restore is not asked for where a processor is to begin beyond the end', async () => {
    const at = await testSchema()
    const later = processor('later', { from: Sum, start: 100, handle: () => {} })
    for (let i = 0; i < 2; i++) {
      const emaki = app({ serve: [later], config: readConfig({ DATABASE_URL: at.url, DATABASE_SCHEMA: at.schema }) })
      const { store } = await emaki[spec].start()
      await until('it has begun', async () => (await store.readModel.progress(['later']))[0]?.position === 100)
      await emaki[spec].stop()
    }
    await at.drop()
  })

  test('restore shows the planted bug: a log that is served without it passes over what is appended anew', async () => {
    const at = await testSchema()
    const before = await startApp(readConfig({ DATABASE_URL: at.url, DATABASE_SCHEMA: at.schema }))
    for (const n of [1, 2, 4]) await before.add(n)
    await before.stop()
    await movedBack(at)
    heard.length = 0
    const store = postgres(at.url, { schema: at.schema })
    // As if nobody had looked where subscriptions are.
    spyOn(store.readModel, 'progress').mockResolvedValueOnce([])
    const emaki = await runtime({ serve, store })
    const sent = await emaki.send(sum.add('b', { n: 16 }))
    expect(sent).toMatchObject({ outcome: 'accepted', position: 3 })
    await untilProcessed(emaki, 3)
    expect(heard).toEqual([])
    expect((await store.readModel.get({ name: 'process_watched_v1', indexes: [] }, 'b')).found).toBeNull()
    await emaki.close()
    await at.drop()
  })

  test('restore asks first, says what it did, and is refused while a process has a lease', async () => {
    const store = memory()
    await expect(runVerb(restoreVerb, { store })).rejects.toThrow('without a terminal it needs --yes')
    await store.readModel.acquire('sums_v1', { owner: 'somebody', ttlMs: 10_000, start: 7 })
    await expect(runVerb(restoreVerb, { store, values: { yes: true } })).rejects.toThrow(
      'a process still has leases (sums_v1: somebody',
    )
    const [lease] = await store.readModel.leases()
    await store.readModel.release('sums_v1', lease!.epoch)
    expect(await runVerb(restoreVerb, { store, values: { yes: true } })).toMatchObject({
      code: 0,
      out: 'the log is at position 0, in epoch 2: earlier tokens are refused\nsums_v1 was past the head, at 7: it continues from 0\n',
    })
    expect(store.identity.epoch).toBe(2)
  })
})
