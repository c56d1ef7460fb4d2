// The log of fines, happening again on virtual time, day by day and without its penalties.
import { afterAll, expect } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memory, type Runtime, runtime, type Served, type Store } from 'emaki'
import { postgres } from 'emaki/postgres'
import { sqlite } from 'emaki/sqlite'
import { type TestSchema, testSchema } from '../../../src/test-support/schema.ts'
import { until } from '../../../src/test-support/servers/until.ts'
import { recordsOf } from '../../../src/transfer/records.ts'
import { Fine, fine } from '../fine.ts'
import fromCsv from '../from-csv.ts'
import { penalty } from '../penalty.ts'
import { untilProcessed } from '../../../src/test-support/until-processed.ts'

const ROOT = join(import.meta.dir, '../../..')
/** The real log is not part of the repository: FINES_CSV says where it is. */
export const REAL: string = process.env['FINES_CSV'] ?? join(ROOT, '../shared/data/traffic-fines.csv')
export const SAMPLE: string = join(import.meta.dir, '../sample.csv')
const DAY_MS = 86_400_000
const PENALTY_DAYS = 60
const SLICES_MAX = 500

export type Happened = {
  readonly stream: string
  readonly type: string
  readonly day: number
  readonly data: { readonly day: string }
}
/** By fine: on which day it grew, and to how many cents. */
export type Penalties = ReadonlyMap<string, { readonly day: string; readonly cents: number }>
/** A store whose time goes by only where it is moved. */
export type Place = { readonly store: Store; readonly moveTo: (day: number) => Promise<void> }

const dayOf = (text: string) => Date.parse(text) / DAY_MS
const textOf = (day: number) => new Date(day * DAY_MS).toISOString().slice(0, 10)

export async function logOf(file: string): Promise<readonly Happened[]> {
  const found: Happened[] = []
  for await (const page of recordsOf({ file, format: 'csv', map: fromCsv, cause: 'test' }))
    for (const { stream, type, data } of page) {
      // The map has made it, so it has a day.
      const parsed = JSON.parse(data) as Happened['data']
      found.push({ stream, type, data: parsed, day: dayOf(parsed.day) })
    }
  return found.toSorted((one, other) => one.day - other.day)
}

export function penaltiesOf(log: readonly Happened[]): Penalties {
  const found = log.filter(({ type }) => type === 'PenaltyAdded')
  // Of these the payload has both.
  return new Map(found.map(({ stream, data }) => [stream, data as unknown as { day: string; cents: number }]))
}

/** As lines of fine and day, to be compared. */
export function daysOf(penalties: Penalties): readonly string[] {
  return [...penalties].map(([stream, { day }]) => `${stream} ${day}`).toSorted()
}

/** Waits until all that is due was sent, and all that it led to was taken; gives the head of the log. */
async function settled(emaki: Runtime): Promise<number> {
  let head = Number.NaN
  emaki.pollAgenda()
  await until('nothing is due any more', async () => {
    head = await emaki.store.head()
    await untilProcessed(emaki, head)
    const isDue = (await emaki.store.agenda.count()).some(({ due }) => due > 0)
    return !isDue && head === (await emaki.store.head())
  })
  return head
}

/**
 * Has a log happen again without its penalties, in the order of its days. Time moves on to each day on which timers fall due or are set; what
 * is due then happens first, and after it that day, with those up to the next such day. Gives on which day each penalty came into the log: by
 * its position there, and not by what it says of itself.
 */
export async function replayed({ store, moveTo }: Place, log: readonly Happened[], served: Served = penalty): Promise<Penalties> {
  const emaki = await runtime({ serve: [fine, served], store })
  const given = log.filter(({ type }) => type !== 'PenaltyAdded')
  const setting = new Set(given.flatMap(({ type, day }) => (type === 'NotificationInserted' ? [day] : [])))
  const falling = new Set([...setting].map(day => day + PENALTY_DAYS))
  const stops = [...new Set([log[0]!.day, ...setting, ...falling])].toSorted((one, other) => one - other)
  const heads: { readonly day: number; readonly head: number }[] = []
  try {
    for (let from = 0, i = 0; i < stops.length; i++) {
      const stop = stops[i]!
      await moveTo(stop)
      if (falling.has(stop)) heads.push({ day: stop, head: await settled(emaki) })
      const next = given.findIndex(({ day }, at) => at >= from && day >= (stops[i + 1] ?? Number.POSITIVE_INFINITY))
      const head = await happens(emaki, given.slice(from, next < 0 ? given.length : next))
      from = next < 0 ? given.length : next
      // A timer counts from the time at which it is set, so time stands still until it is.
      if (setting.has(stop)) await untilProcessed(emaki, head, ['penalty'])
    }
    expect(await store.agenda.count()).toEqual([])
    const added = await store.readAll({ after: 0, limit: log.length, filter: new Map([['fine', ['PenaltyAdded']]]) })
    return new Map(
      added.map(({ stream, data, position }) => {
        // What the decider decided.
        const { cents } = JSON.parse(data) as { readonly cents: number }
        return [stream, { day: textOf(heads.find(({ head }) => position <= head)?.day ?? Number.NaN), cents }]
      }),
    )
  } finally {
    await emaki.close()
  }
}

/** Appends events in their order, as many at once as are of different streams; gives the position of the last. */
async function happens(emaki: Runtime, events: readonly Happened[]): Promise<number> {
  let position = 0
  for (let from = 0; from < events.length; ) {
    const streams = new Set<string>()
    let to = from
    while (to < events.length && to - from < SLICES_MAX && !streams.has(events[to]!.stream)) streams.add(events[to++]!.stream)
    const slices = events.slice(from, to).map(({ stream, type, data }) => ({
      stream,
      expect: 'any' as const,
      // All of them have what the map gave them; that of one type stands for the others.
      events: [Fine[type as 'SentToCreditCollection'](data)],
    }))
    const outcome = await emaki.append(slices)
    if (outcome.outcome !== 'appended') throw new Error(`not appended: ${JSON.stringify(outcome)}`)
    position = Math.max(...outcome.slices.map(slice => slice.position))
    from = to
  }
  return position
}

const folder = mkdtempSync(join(tmpdir(), 'emaki-penalty-'))
const schemas: TestSchema[] = []
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await Promise.all(schemas.map(({ drop }) => drop()))
})

/** A store with a clock of its own, which stands still. */
function injected(make: (now: () => number) => Store): Place {
  let now = 0
  return {
    store: make(() => now),
    moveTo: async day => {
      now = day * DAY_MS
    },
  }
}

/** PostgreSQL's time is its own: what is to fall due is moved towards it instead. */
async function moved(): Promise<Place> {
  const at = await testSchema()
  schemas.push(at)
  let today: number | null = null
  return {
    store: postgres(at.url, { schema: at.schema }),
    moveTo: async day => {
      const days = day - (today ?? day)
      today = day
      await at.sql`update ${at.sql(`${at.schema}.agenda`)} set due = due - ${days} * interval '1 day' where timer is not null`
    },
  }
}

export const places: Readonly<Record<string, () => Promise<Place>>> = {
  memory: async () => injected(now => memory({ now })),
  SQLite: async () => injected(now => sqlite(join(folder, `${Bun.randomUUIDv7()}.db`), { now })),
  PostgreSQL: moved,
}
