// How statements find what they read, asked of the database itself: each statement that a store sends is explained and run.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { Pool } from '../adapters/postgres/pool.ts'
import { postgres } from '../adapters/postgres/store.ts'
import { filterByValues } from '../ports/read-model/filter.ts'
import type { ListOptions } from '../ports/read-model/rows.ts'
import type { Table } from '../ports/read-model/tables.ts'
import type { Store } from '../ports/store/store.ts'
import { emptyLog, type TestSchema, testSchema } from './schema.ts'

type Node = {
  readonly 'Node Type': string
  readonly 'Index Name'?: string
  readonly 'Actual Rows': number
  readonly 'Actual Loops': number
  readonly 'Rows Removed by Filter'?: number
  readonly Plans?: readonly Node[]
}
type SentStatement = { readonly text: string; readonly values: readonly unknown[] }

const ROWS = 50_000
/** Of 100 events one is Rare, and half are Common. */
const TYPE = `case when i % 100 = 0 then 'Rare' when i % 2 = 0 then 'Common' else 'Type' || i % 7 end`
const orders: Table = {
  name: 'orders_v1',
  indexes: [
    { field: 'status', kind: 'text' },
    { field: 'total', kind: 'number' },
  ],
}

/** Tests the plans of a store over so many events. */
export function planTests(events: number): void {
  describe(`over ${events} events and ${ROWS} rows`, () => {
    let at: TestSchema
    let store: Store
    beforeAll(async () => {
      at = await testSchema()
      store = postgres(at.url, { schema: at.schema })
      await store.open()
      await store.readModel.prepare([orders])
      await fillLog(at, events)
    })
    afterAll(async () => {
      await emptyLog(at)
      await store.close()
      await at.drop()
    })

    const plans = async (ask: () => Promise<unknown>) => explainAll(at, await sentBy(ask))
    const middle = events / 2

    test('a page of the log is found by position, and nothing else is read', async () => {
      const [plan] = await plans(() => store.readAll({ after: middle, limit: 1_000 }))
      expect(scans(plan!)).toEqual([{ type: 'Index Scan', index: 'events_pkey', read: 1_000 }])
    })

    test('a page of a stream is found by stream and version', async () => {
      const [plan] = await plans(() => store.read('order-77', { after: 2, limit: 5 }))
      expect(scans(plan!)).toEqual([{ type: 'Index Scan', index: 'events_stream_version_key', read: 5 }])
    })

    test('a page of a stream from its end, and its last event of a type, read no more of the stream than they need', async () => {
      for (const sizeMax of [undefined, 100_000]) {
        const [newest] = await plans(() =>
          store.read('order-77', { after: 0, limit: 1, backwards: true, ...(sizeMax && { sizeMax }) }),
        )
        expect(scans(newest!)).toEqual([{ type: 'Index Scan', index: 'events_stream_version_key', read: 1 }])
      }
      for (const types of [['Common'], ['Rare'], ['Common', 'None']]) {
        const [last] = await plans(() => store.read('order-77', { after: 0, limit: 1, types, backwards: true }))
        for (const { index, read } of scans(last!)) {
          expect(index).toBe('events_stream_version_key')
          expect(read).toBeLessThanOrEqual(10)
        }
      }
    })

    test('a page of streams leaps over the index: one entry is read for each stream, and one for its last event', async () => {
      for (const options of [{ after: '' }, { after: 'order-5' }, { after: '', category: 'order' }]) {
        const [plan] = await plans(() => store.streams({ limit: 50, ...options }))
        const found = scans(plan!).filter(({ type }) => type !== 'CTE Scan' && type !== 'WorkTable Scan')
        expect(found).toHaveLength(3)
        for (const { index, read } of found) {
          expect(index).toBe('events_stream_version_key')
          expect(read).toBeLessThanOrEqual(50)
        }
      }
    })

    test('types are found by stream and version, and nothing else is read', async () => {
      for (const many of [1, 1_000]) {
        const places = Array.from({ length: many }, (_, i) => ({ stream: `order-${i + 1}`, version: 1 }))
        const [plan] = await plans(() => store.typesAt(places))
        const found = scans(plan!).filter(({ index }) => index !== undefined)
        expect(found).toMatchObject([{ index: 'events_stream_version_key', read: many }])
        expect(scans(plan!).some(({ type }) => type === 'Seq Scan')).toBeFalse()
      }
    })

    test('a rare type is found by its index, and of the window nothing else is read', async () => {
      const filter = new Map([['order', ['Rare']]])
      const [plan] = await plans(() => store.readAll({ after: middle, until: middle + 20_000, limit: 1_000, filter }))
      const found = scans(plan!)
      expect(found.map(({ index }) => index)).toEqual(found.map(() => 'events_type_position'))
      expect(found.every(({ read }) => read === 200)).toBeTrue()
    })

    test('no filter reads beyond its window, however little of the log matches', async () => {
      const filters = [['Rare'], ['Common'], ['Common', 'Rare'], ['Type1', 'Type3', 'Rare'], ['None'], null]
      for (const types of filters) {
        const window = { after: middle, until: middle + 10_000, limit: 1_000 }
        const [plan] = await plans(() => store.readAll({ ...window, filter: new Map([['order', types]]) }))
        for (const { type, read } of scans(plan!)) {
          expect(type, `${types}`).not.toBe('Seq Scan')
          expect(read, `${types}`).toBeLessThanOrEqual(10_000)
        }
      }
    })

    test('a list is found and ordered by its index: nothing is sorted, and no more rows are read than asked for', async () => {
      const after = { values: [5_000], key: 'k00002' }
      const lists: readonly [Partial<ListOptions>, string][] = [
        [{}, 'rows_orders_v1_pkey'],
        [{ after: { values: [], key: 'k25000' } }, 'rows_orders_v1_pkey'],
        [{ where: filterByValues({ status: 's7' }) }, 'rows_orders_v1_1'],
        [{ where: filterByValues({ status: 's7' }), after: { values: [], key: 'k25000' } }, 'rows_orders_v1_1'],
        [{ where: filterByValues({ status: null }) }, 'rows_orders_v1_1'],
        [{ where: filterByValues({ status: 's7' }), after: { values: [], key: 'k26000' } }, 'rows_orders_v1_1'],
        ...[true, false].flatMap((descending): [Partial<ListOptions>, string][] => [
          [{ sort: [{ field: 'total', descending }] }, 'rows_orders_v1_2'],
          [{ sort: [{ field: 'total', descending }], after }, 'rows_orders_v1_2'],
          [{ sort: [{ field: 'total', descending }], after: { values: [null], key: 'k25000' } }, 'rows_orders_v1_2'],
        ]),
      ]
      for (const [options, index] of lists) {
        const asked = { where: [], sort: [], after: null, limit: 50, skipsParked: true, ...options }
        const what = Bun.inspect(options)
        for (const generic of [false, true]) {
          const [plan] = await explainAll(at, await sentBy(() => store.readModel.list(orders, asked)), generic)
          const found = ofRows(plan!)
          const types = flattenPlan(plan!).map(node => node['Node Type'])
          expect(types, what).not.toContain('Sort')
          expect(types, what).not.toContain('Incremental Sort')
          for (const scan of found) expect(scan, what).toMatchObject({ index })
          // Where nulls are a part of their own, each part stops early.
          for (const { read } of found) expect(read, what).toBeLessThanOrEqual(51)
          expect(found.length, what).toBeGreaterThan(0)
        }
      }
    })

    test('a list of one value that few rows have reads these and no other', async () => {
      for (const sort of [[], [{ field: 'status', descending: false }]]) {
        const [plan] = await plans(() =>
          store.readModel.list(orders, { where: filterByValues({ total: 5_003 }), sort, after: null, limit: 50 }),
        )
        expect(ofRows(plan!)).toEqual([{ type: expect.any(String), index: 'rows_orders_v1_2', read: ROWS / 10_000 }])
      }
    })

    test('a range, a prefix and an order by several fields read no more than one value of the first field beyond the page', async () => {
      const [status, total] = [
        { field: 'status', descending: false },
        { field: 'total', descending: true },
      ] as const
      const lists: readonly [Pick<ListOptions, 'where' | 'sort'>, string, number][] = [
        [{ where: [{ field: 'total', is: '>=', value: 9_000 }], sort: [total] }, 'rows_orders_v1_2', 51],
        [{ where: [{ field: 'total', is: '<', value: 9_000 }], sort: [total] }, 'rows_orders_v1_2', 51],
        [{ where: [{ field: 'status', is: 'prefix', value: 's1' }], sort: [status] }, 'rows_orders_v1_1', 51],
        [
          { where: [{ field: 'total', is: 'one of', values: [5_003, 5_004] }], sort: [] },
          'rows_orders_v1_2',
          2 * (ROWS / 10_000),
        ],
        [{ where: [], sort: [total, status] }, 'rows_orders_v1_2', 60],
        [{ where: [], sort: [status, total] }, 'rows_orders_v1_1', 0.07 * ROWS],
      ]
      for (const [options, index, most] of lists) {
        const [plan] = await plans(() => store.readModel.list(orders, { ...options, after: null, limit: 50, skipsParked: true }))
        const what = Bun.inspect(options)
        for (const { index: used, read } of ofRows(plan!)) {
          expect(used, what).toBe(index)
          expect(read, what).toBeLessThanOrEqual(most)
        }
      }
    })

    test('a row, rows and a count are found by their indexes', async () => {
      const keys = Array.from({ length: 500 }, (_, i) => `k${String(i * 7 + 1).padStart(5, '0')}`)
      const [rows] = await plans(() => store.readModel.rows(orders, keys))
      expect(ofRows(rows!)).toEqual([{ type: expect.any(String), index: 'rows_orders_v1_pkey', read: 500 }])
      const [one] = await plans(() => store.readModel.get(orders, 'k00077'))
      expect(ofRows(one!)).toEqual([{ type: 'Index Scan', index: 'rows_orders_v1_pkey', read: 1 }])
      const [count] = await plans(() => store.readModel.count(orders, filterByValues({ status: 's7' }), { skipsParked: true }))
      expect(ofRows(count!).every(({ index, read }) => index === 'rows_orders_v1_1' && read <= ROWS / 20)).toBeTrue()
    })

    test('what is due is found by its owner and time, however much is not due yet', async () => {
      await at.sql.unsafe(
        `insert into ${at.schema}.agenda (id, owner, key, timer, meta, due, at_position, made_at)
         select 'a:' || n, 'process_' || n % 3, n, 't', '{}', clock_timestamp() + n * interval '1 minute' - interval '10 minutes', 0, clock_timestamp()
         from generate_series(1, 20000) n`,
      )
      await at.sql.unsafe(`analyze ${at.schema}.agenda`)
      const [due] = await plans(() => store.agenda.due('process_1', 100))
      const found = scans(due!)
      expect(found.every(({ type, read }) => type !== 'Seq Scan' && read <= 101)).toBeTrue()
      expect(flattenPlan(due!).map(node => node['Index Name'])).toContain('agenda_due')
    })

    test('the tests of plans see a table that is read through, and a sort', async () => {
      const text = `select * from ${at.schema}.events where data > '' order by data limit 10`
      const [plan] = await explainAll(at, [{ text, values: [] }])
      expect(flattenPlan(plan!).map(node => node['Node Type'])).toContain('Sort')
      expect(scans(plan!).some(({ type, read }) => type === 'Seq Scan' && read >= events / 3)).toBeTrue()
    })

    test('there is no index but those that a read or a guarantee needs', async () => {
      const found = await at.sql<{ indexdef: string }[]>`select indexdef from pg_indexes where schemaname = ${at.schema}`
      const short = found.map(({ indexdef }) =>
        indexdef.replace(/^create (unique )?index \S+ on \S+\.(\S+) using btree /i, '$2 '),
      )
      expect(short.toSorted()).toEqual([
        'agenda (ended_at) WHERE (ended_at IS NOT NULL)',
        'agenda (id)',
        'agenda (owner, due, seq) WHERE (ended_at IS NULL)',
        'breaches (promise, subject)',
        'checkpoints (name)',
        'events ("position")',
        'events (stream, version)',
        'events (type, "position")',
        'fingerprints (name)',
        'import_rows (import, nth)',
        'imports (import)',
        'imports (name)',
        'keys (key)',
        `keys (split_part(key, ':'::text, 2), "position") WHERE ((until IS NULL) AND (key ~~ 'agenda:%'::text))`,
        'keys (until) WHERE (until IS NOT NULL)',
        'leases (name)',
        'log (one)',
        'migrations (name)',
        'parked (name, kind, key)',
        'refusals (seq)',
        'row_tables (name)',
        'rows_orders_v1 (f_status NULLS FIRST, key)',
        'rows_orders_v1 (f_total NULLS FIRST, key)',
        'rows_orders_v1 (key)',
        'sample_writers (writer)',
        'samples (hour, subject)',
        'seals (after)',
        'serving (projection)',
        'snapshots (stream, schema)',
      ])
    })
  })
}

/** Written past the triggers, as only a superuser can, and without an append for each. */
async function fillLog({ sql, schema }: TestSchema, events: number): Promise<void> {
  await sql.begin(async tx => {
    await tx
      .unsafe(
        `set local session_replication_role = replica; set local synchronous_commit = off; set local search_path = ${schema}`,
      )
      .simple()
    await tx.unsafe(
      `insert into events
       select i, 'order-' || i / 10, i % 10 + 1, gen_random_uuid(), ${TYPE}, 's', '{"n":' || i || '}', '{}', now()
       from generate_series(1, ${events}) i`,
    )
    await tx.unsafe(
      `insert into rows_orders_v1
       select 'k' || lpad(i::text, 5, '0'), i, '{"n":' || i || '}', case when i % 50 > 2 then 's' || i % 20 end, case when i % 50 > 2 then i % 10000 end
       from generate_series(1, ${ROWS}) i`,
    )
  })
  await sql.unsafe(`analyze ${schema}.events`)
  await sql.unsafe(`analyze ${schema}.rows_orders_v1`)
}

/** The statements that a call sends, with their values. */
async function sentBy(ask: () => Promise<unknown>): Promise<readonly SentStatement[]> {
  const sent: SentStatement[] = []
  const run = Pool.prototype.run
  Pool.prototype.run = function (statement, options) {
    const recordStatement: typeof statement = sql => {
      const unsafe = (text: string, values: unknown[], options: object) => {
        sent.push({ text, values })
        return sql.unsafe(text, values as never[], options)
      }
      return statement(Object.assign(() => {}, { unsafe }) as never)
    }
    return run.call(this, recordStatement, options) as ReturnType<typeof run<never>>
  }
  try {
    await ask()
  } finally {
    Pool.prototype.run = run
  }
  return sent
}

/** `generic`: as it is planned for whatever values, which is how a statement that was prepared may be run. */
async function explainAll({ sql }: TestSchema, sent: readonly SentStatement[], generic = false): Promise<readonly Node[]> {
  const plans: Node[] = []
  for (const { text, values } of sent) {
    const rows = await sql.begin(async tx => {
      if (!generic) return tx.unsafe(`explain (analyze, format json) ${text}`, values as never[], { prepare: false })
      await tx`set local plan_cache_mode = force_generic_plan`
      await tx.unsafe(`prepare asked as ${text}`).simple()
      const rows = await tx.unsafe(`explain (analyze, format json) execute asked (${values.map(literal).join(', ')})`).simple()
      await tx`deallocate asked`
      return rows
    })
    const found = rows[0]!['QUERY PLAN'] as readonly { readonly Plan: Node }[]
    plans.push(found[0]!.Plan)
  }
  return plans
}

function literal(value: unknown): string {
  return value === null ? 'null' : `'${String(value).replaceAll("'", "''")}'`
}

function flattenPlan(node: Node): readonly Node[] {
  return [node, ...(node.Plans ?? []).flatMap(flattenPlan)]
}

/** The relations that are read, and how many rows of each. */
function scans(plan: Node): readonly { readonly type: string; readonly index?: string; readonly read: number }[] {
  return flattenPlan(plan)
    .filter(node => /Scan/.test(node['Node Type']) && !/Bitmap Heap|Subquery|Function|CTE|Values/.test(node['Node Type']))
    .filter(node => node['Actual Loops'] > 0)
    .map(node => ({
      type: node['Node Type'],
      ...(node['Index Name'] && { index: node['Index Name'] }),
      read: (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops'],
    }))
}

function ofRows(plan: Node): ReturnType<typeof scans> {
  return scans(plan).filter(({ index, type }) => index?.startsWith('rows_') || type === 'Seq Scan')
}
