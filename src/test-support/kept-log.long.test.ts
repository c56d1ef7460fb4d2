// A contract's cases share an open store: what one of them leaves behind must not reach the next.
import { breach, seal } from '../ports/promises/contract/builders.ts'
import { afterAll, describe, expect, test } from 'bun:test'
import { memory } from '../ports/store/memory.ts'
import type { Store } from '../ports/store/store.ts'
import { KeptLog, observe, type Use } from './kept-log.ts'
import { testSchema } from './schema.ts'
import { until } from './servers/until.ts'

const schema = testSchema()
const log = new KeptLog(schema)
afterAll(() => log.drop())

const table = { name: 'orders_v1', indexes: [] }

/** Every table and sequence of the log with what is in it, besides what stays as long as the schema. */
async function readTables(): Promise<Readonly<Record<string, unknown>>> {
  const { sql, schema: name } = await schema
  const tables = await sql<{ name: string; kind: string }[]>`
    select relname as name, relkind as kind from pg_class
    where relnamespace = ${name}::regnamespace and relkind in ('r', 'S') and relname <> 'migrations' order by relname`
  const found = tables.map(async ({ name: one, kind }) => {
    const columns = kind === 'S' ? sql`last_value, is_called` : one === 'log' ? sql`epoch, home is null as homeless` : sql`*`
    const rows = await sql`select ${columns} from ${sql(`${name}.${one}`)}`
    return [one, rows.map(row => ({ ...row }))] as const
  })
  return Object.fromEntries(await Promise.all(found))
}

/** Writes something to every table. */
async function writeAll(store: Store): Promise<void> {
  const event = { id: Bun.randomUUIDv7(), type: 'Happened', schema: 's', data: '1', meta: '{}' }
  const key = { key: 'k', fingerprint: 'f', stream: 's-1', version: 1, count: 1, rejection: null, keepMs: null }
  await store.append([{ slices: [{ stream: 's-1', expect: 0, events: [event] }], keys: [key] }])
  await store.saveSnapshots([{ stream: 's-1', fold: 1, version: 1, state: '{}' }])
  const entry = { id: 'e', owner: 'o', key: 'k', timer: null, command: '{}', meta: '{}', due: 0, set: 1 }
  await store.agenda.schedule(entry)
  const { readModel } = store
  await readModel.prepare([table])
  const { epoch } = (await readModel.acquire(table.name, { owner: 'a', ttlMs: 60_000, start: 0 }))!
  const parked = { kind: 'key', key: 'p', position: 1, cause: 'x' } as const
  const rows = [{ key: 'r', position: 1, data: '{}', fields: [] }]
  const page = { name: table.name, epoch, from: 0, to: 1, ttlMs: 60_000, rows, park: [parked], unpark: [] }
  await readModel.commit(page)
  await readModel.serve('orders', table.name)
  await readModel.setFingerprints('orders', ['f'])
  const who = { stream: 's-1', actor: 'ann', correlation: 'c', traceId: null }
  await store.refusals.add([{ ...who, command: 'order.place', by: 'decide', code: 'closed', text: null, at: 1, more: 0 }])
  await store.promises.addBreach(breach('orders o1'))
  await store.promises.seal(seal(0))
  await store.samples.add({ writer: 'w', number: 1, samples: [{ subject: 's', hour: 0, minutes: new Array(60).fill(1) }] })
  await store.beginEpoch()
  const record = { ...event, id: Bun.randomUUIDv7(), stream: 's-2' }
  // Given up once its rows are staged.
  await store.import(async function* () { yield [record] }, { source: 'a.csv' }).next() // biome-ignore format: one line
}

async function countConnections(): Promise<number> {
  const { sql } = await schema
  const [found] = await sql`
    select count(*)::integer as many from pg_stat_activity where application_name like 'emaki %' and datname = current_database()`
  return found!['many'] as number
}

describe('a log that is kept', () => {
  test('a log that is kept is for each case as it was for the first, in every table that it has', async () => {
    const first = await log.openLog()
    const fresh = await readTables()
    await writeAll(first.store)
    const written = await readTables()
    const untouched = Object.keys(written).filter(name => Bun.deepEquals(written[name], fresh[name]))
    expect(untouched).toEqual([])
    await first.close()
    const second = await log.openLog()
    expect(await readTables()).toEqual(fresh)
    expect(second.store.identity.epoch).toBe(1)
    await second.close()
  })

  test('a log that is kept notes a case that closes, restores, watches, announces, imports or takes a turn', async () => {
    const marking: readonly ((store: Store) => unknown)[] = [
      store => store.close(),
      store => store.beginEpoch(),
      async store => (await store.watch(() => {}))(),
      store => store.announce(1),
      store => store.takeTurn?.('s-1'),
      store => store.import(async function* () {}, { source: 'a.csv' }),
    ]
    for (const mark of marking) {
      const use: Use = { isMarked: false, hasDropped: false, pending: 0 }
      const store = observe<Store>({ ...memory(), takeTurn: async () => null }, use)
      await store.head()
      expect(use.isMarked).toBeFalse()
      await mark(store)
      expect(use.isMarked, String(mark)).toBeTrue()
    }
  })

  test('a log that is kept notes the calls of a case that have not ended, those of the read model and the agenda as well', async () => {
    const use: Use = { isMarked: false, hasDropped: false, pending: 0 }
    const store = observe(memory(), use)
    const calls = [store.head(), store.readModel.tables(), store.agenda.count(), store.append([]).catch(() => {})]
    expect(use.pending).toBe(calls.length)
    await Promise.all(calls)
    expect(use).toEqual({ isMarked: false, hasDropped: false, pending: 0 })
  })

  test('a log that is kept keeps its store after a case that only read and wrote, and closes it after one that left a call under way', async () => {
    const [one, other] = [await log.openLog(), await log.openLog()]
    await one.store.readModel.prepare([table])
    await one.close()
    await other.close()
    const kept = await log.openLog()
    expect(await countConnections()).toBeGreaterThan(0)
    void kept.store.head()
    await kept.close()
    await until('no connection is left', async () => (await countConnections()) === 0)
  })

  test('a log that is kept keeps the last store of a case that opened several, and none of them where one has dropped a table', async () => {
    for (const [drops, left] of [
      [false, true],
      [true, false],
    ]) {
      const { store, reopen, close } = await log.openLog()
      await store.readModel.prepare([table])
      const reopened = await reopen()
      await reopened.readModel.prepare([table])
      if (drops) await store.readModel.drop(table.name)
      await close()
      if (left)
        await until('the first is closed', async () =>
          store.ping().then(
            () => false,
            () => true,
          ),
        )
      expect(
        await reopened.ping().then(
          () => true,
          () => false,
        ),
      ).toBe(left!)
      // What is kept makes the table anew.
      const next = await log.openLog()
      await next.store.readModel.prepare([table])
      expect(await next.store.readModel.tables()).toEqual([table.name])
      await next.close()
    }
  })
})
