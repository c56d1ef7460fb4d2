// What somebody does to the tables past the framework: it is told or parked where it can be seen, and found by an audit where it cannot.
import { Database } from 'bun:sqlite'
import { describe, expect } from 'bun:test'
import { spec } from '../../definitions/event/events.ts'
import { race } from '../../adapters/postgres/races/form.ts'
import type { Random } from '../../adapters/postgres/races/random.ts'
import { postgres } from '../../adapters/postgres/store.ts'
import { type ProjectionSpec, tableOf } from '../../definitions/projection/projection.ts'
import { sqlite } from '../../adapters/sqlite/store.ts'
import type { NewEvent } from '../../ports/store/event.ts'
import type { Store } from '../../ports/store/store.ts'
import { bound } from '../../test-support/bound.ts'
import { eventually } from '../../adapters/postgres/races/patience.ts'
import { audit } from '../audit.ts'
import { Arena } from './arena.ts'
import { buildServed } from './domain.ts'
import { onPostgres, onSqlite, type PostgresPlace, SCHEMA, type SqlitePlace } from './places.ts'

const COUNTERS = 3
const EVENTS = 5

for (const [where, make] of [
  ['PostgreSQL', onPostgres],
  ['a file', onSqlite],
] as const) {
  describe(`corrupt rows, damage to the tables on ${where}`, () => {
    race(`corrupt rows on ${where}: an event with half a payload parks its keys, and is not folded`, async random => {
      await using at = await fillLog(random, make)
      const { arena, store, change } = at
      await append(store, 'hot-1', ['late.0', 'late.1', 'late.2'])
      const [, bad] = (await store.read('hot-1', { after: EVENTS, limit: 3 })) as readonly { readonly position: number }[]
      await change(`update ${at.of}events set data = substr(data, 1, 5) where position = ${bad!.position}`)
      await arena.start(1)
      await arena.caughtUp()
      const parked = (await store.readModel.parked()).map(({ name, kind, key, position }) => [name, kind, key, position])
      const names = ['counts_v1', 'effects', 'open_v1', 'sql_report_v1', 'tags_v1']
      expect(parked).toEqual(
        names.map(name => [name, ...(name === 'counts_v1' ? ['key', '1'] : ['stream', 'hot-1']), bad!.position]),
      )
      expect(await at.differences()).toEqual([])
    })

    race(`corrupt rows on ${where}: half a row parks its key, and is built again once it is unparked`, async random => {
      await using at = await fillLog(random, make)
      const { arena, store, change } = at
      await change(`update ${at.of}rows_counts_v1 set data = substr(data, 1, 5) where key = '1'`)
      expect(await at.differences()).toEqual(['1'])
      await arena.start(1)
      await append(store, 'hot-1', ['late.0'])
      await append(store, 'hot-2', ['late.1'])
      await arena.caughtUpOnce()
      expect(await store.readModel.parked()).toMatchObject([
        { name: 'counts_v1', kind: 'key', key: '1', cause: expect.stringContaining('the row 1 cannot be read') },
      ])
      await store.readModel.unpark('counts_v1')
      await eventually('nothing is parked', async () => (await store.readModel.parked()).length === 0)
      expect(await at.differences()).toEqual([])
    })

    race(`corrupt rows on ${where}: a changed row is found by an audit`, async random => {
      await using at = await fillLog(random, make)
      expect(await at.differences()).toEqual([])
      await at.change(`update ${at.of}rows_counts_v1 set data = replace(data, '"count":${EVENTS}', '"count":7') where key = '1'`)
      expect(await at.differences()).toEqual(['1'])
    })

    race(
      `corrupt rows on ${where}: a deleted event is reported with its place, but not with versions that nobody compares`,
      async random => {
        await using at = await fillLog(random, make)
        const [, second] = await at.store.read('hot-2', { after: 0, limit: 2 })
        await at.change(`delete from ${at.of}events where stream = 'hot-2' and version = 2`)
        const message = `hot-2 is damaged: version 2 is expected, 3 is found at position ${second!.position + 1}`
        await expect(at.differences()).rejects.toThrow(message)
        expect(await at.differences(withoutVersions(at.store))).toEqual(['2'])
      },
    )

    race(`corrupt rows on ${where}: a second event of one version is refused by the database itself`, async random => {
      await using at = await fillLog(random, make)
      const [first] = await at.store.read('hot-1', { after: 0, limit: 1 })
      const copy = `select 9999, stream, version, id, type, schema, data, meta, at from ${at.of}events where position = ${first!.position}`
      const refused = await at
        .change(`insert into ${at.of}events (position, stream, version, id, type, schema, data, meta, at) ${copy}`)
        .catch(error => error)
      expect(String(refused)).toMatch(/unique/i)
    })
  })
}

/** A place whose rows are made, and nobody who serves there: what is done to the tables is found by whoever comes next. */
async function fillLog(random: Random, make: () => Promise<PostgresPlace | SqlitePlace>) {
  const place = await make()
  const arena = new Arena(place, random)
  const [node] = await arena.start(1)
  const store = await openStore(place)
  for (let i = 1; i <= COUNTERS; i++)
    await append(
      store,
      `hot-${i}`,
      Array.from({ length: EVENTS }, (_, n) => `first.${i}.${n}`),
    )
  await arena.caughtUp()
  await node!.close()
  const counts = buildServed({ effect: () => {}, report: { create: () => {}, handle: () => {} }, poison: null })
    // What is buildServed says of itself what it is.
    .map(one => one[spec] as ProjectionSpec)
    .find(({ name }) => name === 'counts')!
  const table = { name: tableOf(counts), indexes: counts.indexes }
  await store.readModel.prepare([table])
  return {
    arena,
    store,
    of: place.kind === 'postgres' ? `${SCHEMA}.` : '',
    change: (text: string) => (place.kind === 'postgres' ? asSuperuser(place, text) : inFile(place, text)),
    /** The keys whose rows are not what the log gives. */
    differences: async (of: Store = store) => (await audit(of, counts, table)).differences.map(({ key }) => key).sort(),
    [Symbol.asyncDispose]: async () => {
      await store.close()
      await arena[Symbol.asyncDispose]()
    },
  }
}

/** A store whose versions follow each other, whatever the log has. */
function withoutVersions(store: Store): Store {
  const last = new Map<string, number>()
  const next = (stream: string) => {
    last.set(stream, (last.get(stream) ?? 0) + 1)
    return last.get(stream)!
  }
  const readAll: Store['readAll'] = async options =>
    (await store.readAll(options)).map(event => ({ ...event, version: next(event.stream) }))
  return bound(store, { readAll })
}

/** A superuser may put aside the triggers that keep the log as it is. */
async function asSuperuser({ sql }: PostgresPlace, text: string): Promise<void> {
  await sql.begin(async tx => {
    await tx`set local session_replication_role = replica`
    await tx.unsafe(text)
  })
}

async function inFile({ file }: SqlitePlace, text: string): Promise<void> {
  using db = new Database(file)
  db.run('pragma busy_timeout = 5000')
  const triggers = db.query<{ name: string; sql: string }, []>(`select name, sql from sqlite_master where type = 'trigger'`).all()
  db.transaction(() => {
    for (const { name } of triggers) db.run(`drop trigger "${name}"`)
    db.run(text)
    for (const { sql } of triggers) db.run(sql)
  })()
}

async function openStore({ database }: PostgresPlace | SqlitePlace): Promise<Store> {
  const store =
    database.kind === 'postgres'
      ? postgres(database.url, { schema: SCHEMA, migrate: false, pooler: false })
      : sqlite(database.file, { exclusive: false })
  await store.open()
  return store
}

async function append(store: Store, stream: string, tokens: readonly string[]): Promise<void> {
  const events = tokens.map(
    (token): NewEvent => ({
      id: Bun.randomUUIDv7(),
      type: 'Raced',
      schema: 'races',
      data: JSON.stringify({ token, text: '' }),
      meta: '{}',
    }),
  )
  await store.append([{ slices: [{ stream, expect: 'any', events }], keys: [] }])
}
