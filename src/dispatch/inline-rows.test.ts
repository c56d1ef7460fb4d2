// Rows that are written with their events. The subscription is paused where only the append may write.
import { describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { z } from 'zod'
import { sqlite } from '../adapters/sqlite/store.ts'
import { decider } from '../definitions/decider/decider.ts'
import { events, spec } from '../definitions/event/events.ts'
import { type AnyProjection, projection, tableOf } from '../definitions/projection/projection.ts'
import type { Notice } from '../ports/report/notice.ts'
import { memory } from '../ports/store/memory.ts'
import type { Store } from '../ports/store/store.ts'
import { audit } from '../subscription/audit.ts'
import { pauseLease } from '../subscription/pausing.ts'
import { type Runtime, runtime } from '../runtime.ts'
import { cleanUpLater } from '../test-support/cleanup.ts'

const Seat = events('seat', {
  Taken: z.object({ by: z.string() }),
  Left: z.object({}),
  Stamped: z.object({}),
  Removed: z.object({}),
  Cleaned: z.object({}),
})
const seat = decider(Seat, {
  initial: {},
  evolve: { Taken: s => s, Left: s => s, Stamped: s => s, Removed: s => s, Cleaned: s => s },
  commands: {
    take: z.object({ by: z.string() }),
    leave: z.object({}),
    stamp: z.object({}),
    remove: z.object({}),
    clean: z.object({}),
  },
  decide: {
    take: (_, { by }) => [Seat.Taken({ by }), Seat.Cleaned({})],
    leave: () => Seat.Left({}),
    stamp: () => Seat.Stamped({}),
    remove: () => Seat.Removed({}),
    clean: () => Seat.Cleaned({}),
  },
})
const options = {
  from: Seat,
  row: z.object({ by: z.string().nullable(), times: z.int(), at: z.string() }),
  initial: { by: null, times: 0, at: '' },
  indexes: ['by'],
  evolve: {
    Taken: (row: Row, { by }: { by: string }) => ({ ...row, by, times: row.times + 1 }),
    Left: (row: Row) => ({ ...row, by: null }),
    Stamped: (row: Row, _: object, { at }: { at: string }) => ({ ...row, at }),
    Removed: () => null,
  },
} as const
type Row = { readonly by: string | null; readonly times: number; readonly at: string }
const seats = projection('seats', { ...options, inline: true })

const stores: Readonly<Record<string, () => Store>> = {
  memory,
  sqlite: () => {
    const folder = mkdtempSync(join(tmpdir(), 'emaki-inline-'))
    cleanUpLater(() => rmSync(folder, { recursive: true, force: true }))
    return sqlite(join(folder, 'log.db'))
  },
}

/** A runtime whose projections serve. They are paused, so only appends write. */
async function start(store: Store, serve: readonly AnyProjection[] = [seats]) {
  await store.open()
  const notices: unknown[] = []
  for (const one of serve) {
    const { name, indexes } = one[spec]
    const table = tableOf(one[spec])
    await store.readModel.prepare([{ name: table, indexes }])
    await pauseLease(store.readModel, table)
    await store.readModel.serve(name, table)
  }
  const emaki = await runtime({ serve: [seat, ...(serve as (typeof seats)[])], store, report: one => void notices.push(one) })
  cleanUpLater(() => emaki.close())
  return { emaki, store, notices }
}

async function accept(emaki: Runtime, command: Parameters<Runtime['send']>[0]): Promise<number> {
  const outcome = await emaki.send(command)
  if (outcome.outcome !== 'accepted') throw new Error(`expected to be accepted, found ${Bun.inspect(outcome)}`)
  return outcome.position
}

/** The rows as the table has them, with the positions of their events. */
async function rowsOf(store: Store, of: AnyProjection = seats): Promise<Readonly<Record<string, unknown>>> {
  const table = { name: tableOf(of[spec]), indexes: of[spec].indexes }
  const { found } = await store.readModel.list(table, { where: [], sort: [], after: null, limit: 100 })
  return Object.fromEntries(found.map(({ key, position, data }) => [key, { position, ...(JSON.parse(data) as object) }]))
}

/** Appends as a release does that knows no inline projection. */
async function appendElsewhere(store: Store, stream: string, version: number, by: string): Promise<void> {
  const { fingerprint: schema } = Seat[spec].types.get('Taken')!
  const event = { id: Bun.randomUUIDv7(), type: 'Taken', schema, data: JSON.stringify({ by }), meta: '{}' }
  const [outcome] = await store.append([{ slices: [{ stream, expect: version, events: [event] }], keys: [] }])
  expect(outcome?.outcome).toBe('appended')
}

const lateOf = (notices: readonly unknown[]) => (notices as Notice[]).filter(({ code }) => code === 'inline-row-late')

describe.each(Object.entries(stores))('rows in step with the append, on %s', (_, makeStore) => {
  test('a row is in lists and by its key once its command is answered, although no subscription writes', async () => {
    const { emaki, store } = await start(makeStore())
    await Promise.all(['a', 'b', 'c'].map(id => emaki.send(seat.take(id, { by: `guest of ${id}` }))))
    const { items } = await emaki.rows(seats, { where: { by: 'guest of b' } })
    expect(items).toEqual([{ key: 'b', by: 'guest of b', times: 1, at: '' }])
    await accept(emaki, seat.leave('b', {}))
    expect(await emaki.row(seats, 'b')).toMatchObject({ by: null, times: 1 })
    expect(await rowsOf(store)).toMatchObject({ a: { times: 1 }, b: { position: 7 }, c: { times: 1 } })
    expect((await store.readModel.progress(['seats_v1']))[0]?.position).toBe(0)
  })

  test('events of a release that wrote no rows are in the next row of their stream, and each is folded once', async () => {
    const { emaki, store } = await start(makeStore())
    await appendElsewhere(store, 'seat-a', 0, 'x')
    expect(await rowsOf(store)).toEqual({})
    await accept(emaki, seat.take('a', { by: 'y' }))
    await appendElsewhere(store, 'seat-a', 3, 'z')
    const position = await accept(emaki, seat.leave('a', {}))
    expect(await rowsOf(store)).toEqual({ a: { by: null, times: 3, at: '', position } })
  })

  test('the subscription folds no event twice that is in a row already, and moves on to the head', async () => {
    const store = makeStore()
    const { emaki } = await start(store)
    await accept(emaki, seat.take('a', { by: 'x' }))
    const position = await accept(emaki, seat.take('a', { by: 'y' }))
    const before = await rowsOf(store)
    await emaki.resume('seats')
    expect(await emaki.waitUntilProcessed(position, ['seats'], 60_000)).toBeTrue()
    expect(await rowsOf(store)).toEqual(before)
    const next = await accept(emaki, seat.take('a', { by: 'z' }))
    expect(await emaki.waitUntilProcessed(next, ['seats'], 60_000)).toBeTrue()
    expect(await rowsOf(store)).toMatchObject({ a: { by: 'z', times: 3 } })
  })

  test('a row whose fold reads the time of its event comes by the subscription, and that is reported once', async () => {
    const { emaki, store, notices } = await start(makeStore())
    await accept(emaki, seat.take('a', { by: 'x' }))
    await accept(emaki, seat.stamp('a', {}))
    const position = await accept(emaki, seat.stamp('a', {}))
    expect(await rowsOf(store)).toMatchObject({ a: { times: 1, at: '' } })
    expect(lateOf(notices)).toMatchObject([{ level: 'warn', fields: { table: 'seats_v1', stream: 'seat-a' } }])
    expect(lateOf(notices)[0]!.message).toContain('reads the time of an event (at)')
    await emaki.resume('seats')
    await emaki.waitUntilProcessed(position, ['seats'], 60_000)
    const [, , , stamped] = await store.read('seat-a', { after: 0, limit: 4 })
    expect(await rowsOf(store)).toMatchObject({ a: { times: 1, at: stamped!.at } })
    // The time is known from then on.
    await accept(emaki, seat.leave('a', {}))
    expect(await rowsOf(store)).toMatchObject({ a: { by: null, at: stamped!.at } })
  })
})

test('a row that its fold deletes goes with the subscription, and comes back with the next append', async () => {
  const { emaki, store, notices } = await start(memory())
  await accept(emaki, seat.take('a', { by: 'x' }))
  await accept(emaki, seat.remove('a', {}))
  expect(await rowsOf(store)).toMatchObject({ a: { times: 1 } })
  await accept(emaki, seat.take('b', { by: 'x' }))
  const position = await accept(emaki, seat.remove('b', {}))
  await accept(emaki, seat.take('a', { by: 'y' }))
  await emaki.resume('seats')
  await emaki.waitUntilProcessed(position, ['seats'], 60_000)
  expect(await rowsOf(store)).toMatchObject({ a: { by: 'y', times: 1 } })
  expect(await rowsOf(store)).not.toHaveProperty('b')
  expect(lateOf(notices)).toEqual([])
})

test('an audit finds a row right that is ahead of the checkpoint', async () => {
  const { emaki, store } = await start(memory())
  await accept(emaki, seat.take('a', { by: 'x' }))
  const table = { name: 'seats_v1', indexes: seats[spec].indexes }
  await accept(emaki, seat.take('b', { by: 'y' }))
  await emaki.resume('seats')
  await emaki.waitUntilProcessed(await accept(emaki, seat.take('b', { by: 'z' })), ['seats'], 60_000)
  await emaki.pause('seats')
  await accept(emaki, seat.take('a', { by: 'v' }))
  expect(await audit(store, seats[spec], table)).toMatchObject({ keys: 2, differences: [] })
})

test('an event that a projection does not fold writes no row', async () => {
  const { emaki, store } = await start(memory())
  await accept(emaki, seat.clean('a', {}))
  expect(await rowsOf(store)).toEqual({})
  const position = await accept(emaki, seat.take('a', { by: 'x' }))
  // Its last event, which no fold reads, is not the row's.
  expect(await rowsOf(store)).toMatchObject({ a: { position: position - 1 } })
})

test('both a version and the one before it, which goes on folding, get their rows', async () => {
  const next = projection('seats', { ...options, inline: true, version: 2, previous: seats })
  const store = memory()
  await store.readModel.prepare([{ name: 'seats_v1', indexes: seats[spec].indexes }])
  const { emaki } = await start(store, [next])
  await accept(emaki, seat.take('a', { by: 'x' }))
  for (const one of [seats, next]) expect(await rowsOf(store, one)).toMatchObject({ a: { times: 1 } })
})

test('without an inline projection no append has rows', async () => {
  const store = memory()
  let hasRows = false
  const append: Store['append'] = (units, options) => {
    hasRows ||= units.some(({ rows }) => rows !== undefined)
    return store.append(units, options)
  }
  const { emaki } = await start({ ...store, append }, [projection('seats', options)])
  await accept(emaki, seat.take('a', { by: 'x' }))
  expect(hasRows).toBeFalse()
})

test('whoever appends, rows with their events or not, each row is the fold of its stream up to its position', async () => {
  const step = fc.record({ id: fc.constantFrom('a', 'b'), does: fc.constantFrom('take', 'leave', 'elsewhere', 'resume') })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async steps => {
      const { emaki, store } = await start(memory())
      for (const [i, { id, does }] of steps.entries()) {
        const by = `guest ${i}`
        if (does === 'take') await accept(emaki, seat.take(id, { by }))
        if (does === 'leave') await accept(emaki, seat.leave(id, {}))
        if (does === 'elsewhere')
          await appendElsewhere(
            store,
            `seat-${id}`,
            (await store.load([{ stream: `seat-${id}`, after: 0 }], [])).streams[0]!.version,
            by,
          )
        if (does === 'resume') await emaki.resume('seats')
        const rows = await rowsOf(store)
        for (const [key, row] of Object.entries(rows)) expect(row).toEqual(await foldOf(store, key, row as { position: number }))
        if (does === 'take' || does === 'leave') expect(rows).toHaveProperty(id, await foldOf(store, id))
      }
      await emaki.close()
    }),
    { numRuns: 10 },
  )
})

/** What the row of a key is after all events of its stream, up to a position. */
async function foldOf(store: Store, id: string, { position: until } = { position: Number.POSITIVE_INFINITY }): Promise<object> {
  const found = (await store.read(`seat-${id}`, { after: 0, limit: 100 })).filter(
    ({ type, position }) => type !== 'Cleaned' && position <= until,
  )
  const taken = found.filter(({ type }) => type === 'Taken')
  const last = found.at(-1)!
  const by = last.type === 'Taken' ? (JSON.parse(last.data) as { by: string }).by : null
  return { position: last.position, by, times: taken.length, at: '' }
}

test('an inline projection with a key, of two families, live or frozen is refused by name', () => {
  const Other = events('other', { Came: z.object({}) })
  const refusal = /projection\('seats'\): an inline projection folds one instance's stream/
  expect(() => projection('seats', { ...options, key: { Taken: ({ by }) => by }, inline: true })).toThrow(refusal)
  expect(() =>
    projection('seats', { ...options, from: [Seat, Other], evolve: { ...options.evolve, Came: row => row }, inline: true }),
  ).toThrow(refusal)
  expect(() => projection('seats', { ...options, indexes: [], live: true, inline: true })).toThrow(refusal)
  expect(() => projection('seats', { ...options, version: 2, previous: seats, frozen: true, inline: true })).toThrow(refusal)
})
