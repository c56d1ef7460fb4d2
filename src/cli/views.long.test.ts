// The views that `views` prints, made and read in both databases. SQL of the page is taken from it.
import { Database } from 'bun:sqlite'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import createClient from 'postgres'
import { z } from 'zod'
import { postgres } from '../adapters/postgres/store.ts'
import { events, spec } from '../definitions/event/events.ts'
import type { Served } from '../definitions/definition.ts'
import { encodeRow } from '../definitions/projection/fold.ts'
import { type ProjectionSpec, projection, tableOf } from '../definitions/projection/projection.ts'
import { type Config, readConfig } from '../config.ts'
import { memory } from '../ports/store/memory.ts'
import type { Store } from '../ports/store/store.ts'
import { cleanUp, cleanUpLater } from '../test-support/cleanup.ts'
import { runVerb } from '../test-support/run-verb.ts'
import { type TestSchema, testSchema } from '../test-support/schema.ts'
import { openLog } from '../test-support/sqlite.ts'
import { ROOT } from '../test-support/sources.ts'
import { viewsVerb } from './views.ts'

const Order = events('order', { Placed: z.object({}) })
const row = z.object({
  status: z.enum(['paid', 'open']).nullable(),
  total: z.number(),
  gift: z.boolean().optional(),
  items: z.array(z.object({ sku: z.string() })),
  code: z.union([z.string(), z.number(), z.boolean()]).nullable(),
  position: z.int(),
  'a "quoted" field': z.string().optional(),
  "it's; drop table events; --": z.int().optional(),
  'with\nline $$ and \\': z.string().optional(),
  Total: z.string().optional(),
  ['x'.repeat(64)]: z.string().optional(),
})
type Row = z.infer<typeof row>
const plain: Row = { status: 'paid', total: 20.5, items: [], code: null, position: 7 }
const made = (version: number) =>
  projection('open-orders', {
    from: Order,
    row,
    version,
    initial: plain,
    indexes: ['status'],
    evolve: { Placed: row => row },
  })
const orders = made(1)

const rows: Readonly<Record<string, Row>> = {
  a: plain,
  b: {
    status: null,
    total: 1e21,
    gift: true,
    items: [{ sku: "o'brien" }],
    code: 'text "1"',
    position: 9_007_199_254_740_991,
    'a "quoted" field': '"',
    "it's; drop table events; --": -3,
    'with\nline $$ and \\': 'line\n😀',
    Total: 'capital',
    ['x'.repeat(64)]: 'long',
  },
  c: { ...plain, status: 'open', total: -0.25, gift: false, code: 7 },
}
/** The columns that the view has for fields, and those of `a`, which has no optional field. */
const names = Object.keys(row.shape).filter(name => name !== 'Total' && name.length < 64)
const columns = names.map(name => `"${name.replaceAll('"', '""')}"`).join(', ')
const without = Object.fromEntries(names.map(name => [name, null]))
/** A row as the view shows it. SQLite has 1 and 0 for booleans. */
const shownOn = (engine: string, key: string) => {
  const shown = Object.entries({ ...without, ...rows[key] }).filter(([name]) => names.includes(name))
  const asStored = (value: unknown) => (typeof value === 'boolean' && engine === 'sqlite' ? Number(value) : value)
  return { key, ...Object.fromEntries(shown.map(([name, value]) => [name, asStored(value)])) }
}

type Query = (sql: string) => Promise<readonly object[]>
type Opened = { readonly store: Store; readonly config: Config; readonly connect: (sql: string) => Promise<Query> }

let at: TestSchema
beforeAll(async () => {
  at = await testSchema()
})
afterAll(() => at.drop())
afterEach(cleanUp)

const NUMBERS = { to: 1700, from: [20, 1700], serialize: String, parse: Number }

const engines: Readonly<Record<string, () => Promise<Opened>>> = {
  postgresql: async () => {
    const store = postgres(at.url, { schema: at.schema })
    await store.open()
    const sql = createClient(at.url, { max: 1, onnotice: () => {}, types: { numeric: NUMBERS } })
    cleanUpLater(() => sql.end())
    const connect = async (views: string): Promise<Query> => {
      await sql.unsafe(`${views}; set search_path to ${at.schema}`).simple()
      return query => sql.unsafe(query)
    }
    return { store, config: readConfig({ DATABASE_SCHEMA: at.schema }), connect }
  },
  sqlite: async () => {
    const { store, file } = await openLog()
    const connect = async (views: string): Promise<Query> => {
      const db = new Database(file, { readonly: true })
      cleanUpLater(() => db.close())
      db.run(views)
      return async query => db.query<object, []>(query).all().map(parseJson)
    }
    return { store, config: readConfig({}), connect }
  },
}

/** SQLite gives JSON as text. */
function parseJson(row: object): object {
  const isJson = (name: string, value: unknown) => ['items', 'code', 'data'].includes(name) && typeof value === 'string'
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, isJson(name, value) ? (JSON.parse(value as string) as unknown) : value]),
  )
}

/** Keeps rows in the table of a projection, and serves it. */
async function keep({ store }: Opened, of: Served, kept: Readonly<Record<string, object>>): Promise<void> {
  const { readModel } = store
  const definition = specOf(of)
  const table = { name: tableOf(definition), indexes: definition.indexes }
  await readModel.prepare([table])
  const { epoch } = (await readModel.acquire(table.name, { owner: 'me', ttlMs: 600_000, start: 0 }))!
  const encoded = Object.entries(kept).map(([key, row], i) => ({ key, position: i + 1, ...encodeRow(definition, row) }))
  const page = { name: table.name, epoch, from: 0, to: 9, ttlMs: 600_000, rows: encoded, park: [], unpark: [] }
  expect(await readModel.commit(page)).toBeTrue()
  await readModel.serve(definition.name, table.name)
}

/** What the verb prints. It closes its store, and the test goes on with it. */
async function printed({ store, config }: Opened, of: Served, values: Readonly<Record<string, string>> = {}): Promise<string> {
  const { system, readModel } = store
  const lent = { system, readModel, open: async () => {}, close: async () => {} } as unknown as Store
  const { code, out } = await runVerb(viewsVerb, { serve: [of], store: lent, config, values })
  expect(code).toBe(0)
  return out
}

const specOf = (of: Served) => of[spec] as unknown as ProjectionSpec
async function end({ store }: Opened, ...kept: readonly Served[]): Promise<void> {
  for (const one of kept) await store.readModel.drop(tableOf(specOf(one)))
  await store.close()
}

for (const [engine, open] of Object.entries(engines))
  describe(`views on ${engine}`, () => {
    test(`a view on ${engine} has a typed column for each field, whatever its name and whatever is in it`, async () => {
      const opened = await open()
      await keep(opened, orders, rows)
      const statements = await printed(opened, orders)
      const query = await opened.connect(statements)
      const found = await query(`select key, ${columns} from view_open_orders order by key`)
      expect(found.map(one => ({ ...one }))).toEqual(['a', 'b', 'c'].map(key => shownOn(engine, key)))
      expect([...(await query('select position_, key from view_open_orders where total < 0'))]).toEqual([
        { position_: 3, key: 'c' },
      ])
      const [whole] = await query("select data from view_open_orders where key = 'b'")
      expect(whole).toEqual({ data: rows['b'] })
      expect(statements.match(/^-- No column .*$/gm)).toEqual([
        '-- No column can be named "Total"; its values are in data.',
        `-- No column can be named "${'x'.repeat(64)}"; its values are in data.`,
      ])
      expect(await query('select count(*) as many from events')).toHaveLength(1)
      await end(opened, orders)
    })

    test(`a view on ${engine} shows the version that is served, and does not keep the table of another`, async () => {
      const opened = await open()
      await keep(opened, orders, { ...rows, nul: { ...plain, code: 'a\0\\u0000\\\0' } })
      const before = await opened.connect(await printed(opened, orders))
      expect(await before('select key, code from view_open_orders where code is not null')).toHaveLength(3)
      await keep(opened, made(2), { z: plain })
      // A temporary view is made at each connection.
      const query = engine === 'sqlite' ? await opened.connect(await printed(opened, made(2))) : before
      await opened.store.readModel.drop(tableOf(specOf(orders)))
      expect([...(await query('select key, status from view_open_orders'))]).toEqual([{ key: 'z', status: 'paid' }])
      await end(opened, made(2))
    })

    test(`the statements of docs/databases.md run on ${engine} as they stand there`, async () => {
      const opened = await open()
      const shown = projection('orders', {
        from: Order,
        row: z.object({ status: z.string(), total: z.number() }),
        initial: { status: '', total: 0 },
        indexes: ['status'],
        evolve: { Placed: row => row },
      })
      await keep(opened, shown, { o1: { status: 'paid', total: 5 }, o2: { status: 'paid', total: 3_998 } })
      const query = await opened.connect(await printed(opened, shown))
      const statements = readFileSync(join(ROOT, 'docs/databases.md'), 'utf8').match(/^select .*;$/gm)!
      const found: object[][] = []
      for (const one of statements) found.push([...(await query(one))])
      expect(found).toEqual([
        [{ name: 'orders_v1' }],
        [
          { key: 'o1', position: 1, f_status: 'paid' },
          { key: 'o2', position: 2, f_status: 'paid' },
        ],
        [{ key: 'o2', status: 'paid', total: 3_998 }],
      ])
      await end(opened, shown)
    })
  })

test('a role that may read the views of PostgreSQL reads nothing else of the log', async () => {
  const opened = await engines['postgresql']!()
  await keep(opened, orders, rows)
  const role = `reader "${at.schema}"`
  const name = `"${role.replaceAll('"', '""')}"`
  await at.sql.unsafe(`create role ${name}`)
  const query = await opened.connect(`${await printed(opened, orders, { role })}; set role ${name}`)
  expect(await query('select key from view_open_orders')).toHaveLength(3)
  for (const table of ['events', 'rows_open_orders_v1', 'serving'])
    await expect(query(`select * from ${table}`)).rejects.toThrow('denied')
  await query('reset role')
  await opened.store.readModel.drop(tableOf(specOf(orders)))
  await expect(query('select * from view_open_orders')).rejects.toThrow('no rows of open-orders are served yet')
  await query(`drop owned by ${name}`)
  await query(`drop role ${name}`)
  await opened.store.close()
})

test('views refuses a name that is no projection, a role where there are none, and a log in memory', async () => {
  const { store } = await openLog()
  const ask = (call: object) => runVerb(viewsVerb, { serve: [orders], store, ...call })
  await expect(ask({ words: ['orders'] })).rejects.toThrow('which projection? There are open-orders')
  await expect(ask({ values: { role: 'me' } })).rejects.toThrow('only PostgreSQL has roles')
  await expect(ask({ store: memory() })).rejects.toThrow('in memory')
})
