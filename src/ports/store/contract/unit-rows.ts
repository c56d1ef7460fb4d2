// Rows of a unit are written with its events, and never over newer ones.
import { expect } from 'bun:test'
import type { NewRow } from '../../read-model/progress.ts'
import type { Table } from '../../read-model/tables.ts'
import type { Store } from '../store.ts'
import type { Slice, Unit, UnitRow } from '../unit.ts'
import { appendConflicting, appendUnit, newKey, slice } from './builders.ts'
import type { StoreCase } from './case.ts'

const TABLE: Table = {
  name: 'seats_v1',
  indexes: [
    { field: 'status', kind: 'text' },
    { field: 'total', kind: 'number' },
  ],
}
const REBUILT = { ...TABLE, name: 'seats_v1_g2' }

/** A unit of one slice, with a row after its last event. */
function withRow(stream: string, expect: number, many = 1): Unit {
  const own = slice(stream, expect, many)
  return { slices: [own], keys: [], rows: [rowAfter(own, expect + many)] }
}

function rowAfter({ stream, events }: Slice, version: number): UnitRow {
  const data = JSON.stringify({ version, text: `'"\\ 絵巻 ${stream}` })
  return { table: 'seats_v1', key: stream, data, fields: [`s ${version}`, version], stream, version, id: events.at(-1)!.id }
}

async function rowsOf(store: Store, table: Table = TABLE): Promise<Readonly<Record<string, readonly [number, string]>>> {
  const { found } = await store.readModel.list(table, {
    where: [],
    sort: [{ field: 'total', descending: false }],
    after: null,
    limit: 100,
  })
  return Object.fromEntries(found.map(({ key, position, data }) => [key, [position, data]]))
}

async function commitRows(store: Store, rows: readonly NewRow[], keepsNewer: boolean): Promise<boolean> {
  const { name } = TABLE
  const lease = (await store.readModel.acquire(name, { owner: 'a', ttlMs: 10_000, start: 0 }))!
  const at = { name, epoch: lease.epoch, from: lease.position, to: lease.position + 1, ttlMs: 10_000, park: [], unpark: [] }
  return store.readModel.commit({ ...at, rows, keepsNewer })
}

const row = (key: string, position: number, data: string | null): NewRow => ({ key, position, data, fields: ['page', 0] })

export const unitRows: readonly StoreCase[] = [
  {
    title: 'writes the rows of each unit that is appended, at the positions of their events, and of no other',
    run: async ({ store }) => {
      await store.readModel.prepare([TABLE])
      await appendUnit(store, { slices: [slice('s-1', 0)], keys: [newKey('k', 's-1', 1, 1)] })
      const units = [
        withRow('s-2', 0, 2),
        withRow('s-1', 0),
        { ...withRow('s-3', 0), keys: [newKey('k', 's-3', 1, 1)] },
        { slices: [slice('s-4', 0)], keys: [] },
        withRow('s-5', 0),
      ]
      const outcomes = await store.append(units)
      expect(outcomes.map(({ outcome }) => outcome)).toEqual(['appended', 'conflict', 'duplicate', 'appended', 'appended'])
      expect(await rowsOf(store)).toEqual({ 's-5': [5, units[4]!.rows![0]!.data], 's-2': [3, units[0]!.rows![0]!.data] })
      const { found } = await store.readModel.list(TABLE, {
        where: [{ field: 'status', is: 'equal', value: 's 2' } as const],
        sort: [],
        after: null,
        limit: 10,
      })
      expect(found.map(({ key }) => key)).toEqual(['s-2'])
    },
  },
  {
    title: 'writes a row after an event that is not the last of its unit at the position of that event',
    run: async ({ store }) => {
      await store.readModel.prepare([TABLE])
      const [one, other] = [slice('s-1', 0, 3), slice('s-2', 0, 2)]
      const first = { ...one, events: one.events.slice(0, 2) }
      await appendUnit(store, { slices: [one, other], keys: [], rows: [rowAfter(first, 2), rowAfter(other, 2)] })
      const positions = Object.entries(await rowsOf(store)).map(([key, [position]]) => [key, position])
      expect(positions).toEqual([
        ['s-1', 2],
        ['s-2', 5],
      ])
    },
  },
  {
    title: 'writes rows to all tables of their version that exist, and appends without them where none does',
    run: async ({ store }) => {
      await appendUnit(store, withRow('s-1', 0))
      const others = ['seats_v10', 'seats_v1_gx', 'other_v1'].map(name => ({ ...TABLE, name }))
      await store.readModel.prepare([TABLE, REBUILT, ...others])
      await appendUnit(store, withRow('s-2', 0))
      for (const table of [TABLE, REBUILT]) expect(Object.keys(await rowsOf(store, table)), table.name).toEqual(['s-2'])
      for (const table of others) expect(await rowsOf(store, table), table.name).toEqual({})
      await store.readModel.drop(TABLE.name)
      await appendUnit(store, withRow('s-3', 0))
      expect(Object.keys(await rowsOf(store, REBUILT))).toEqual(['s-2', 's-3'])
    },
  },
  {
    title: 'keeps the row that an append wrote from a page that is not as far, and from one that deletes an older row',
    run: async ({ store }) => {
      await store.readModel.prepare([TABLE])
      await appendUnit(store, withRow('s-1', 0, 3))
      const written = await rowsOf(store)
      for (const old of [row('s-1', 2, '{}'), row('s-1', 3, '{}'), row('s-1', 2, null)]) {
        expect(await commitRows(store, [old, row('s-2', 1, '{}')], true)).toBeTrue()
        expect(await rowsOf(store)).toEqual({ ...written, 's-2': [1, '{}'] })
      }
      expect(await commitRows(store, [row('s-1', 4, '{}'), row('s-2', 1, null)], true)).toBeTrue()
      expect(await rowsOf(store)).toEqual({ 's-1': [4, '{}'] })
      await commitRows(store, [row('s-1', 2, '{"page":"of another kind"}')], false)
      expect(await rowsOf(store)).toEqual({ 's-1': [2, '{"page":"of another kind"}'] })
    },
  },
  {
    title: 'keeps newer rows from a page that is too long for one statement',
    run: async ({ store }) => {
      await store.readModel.prepare([TABLE])
      await appendUnit(store, withRow('s-1', 0, 3))
      const { 's-1': written } = await rowsOf(store)
      const many = Array.from({ length: 2_100 }, (_, i) => row(`r${String(i).padStart(4, '0')}`, 1, '{}'))
      expect(await commitRows(store, [...many, row('s-1', 2, '{}')], true)).toBeTrue()
      expect((await store.readModel.get(TABLE, 's-1')).found).toMatchObject({ position: written![0], data: written![1] })
      expect((await store.readModel.count(TABLE, [])).found).toBe(2_101)
    },
  },
  {
    title: 'writes no row of a unit whose stream went on, and the row of the unit that follows it',
    run: async ({ store }) => {
      await store.readModel.prepare([TABLE])
      await appendUnit(store, withRow('s-1', 0))
      await appendConflicting(store, withRow('s-1', 0, 2))
      await appendUnit(store, withRow('s-1', 1))
      expect(Object.values(await rowsOf(store)).map(([position]) => position)).toEqual([2])
    },
  },
]
