// W15: does whoever follows the log see every event once, and those of a stream in order, while 32 callers append one to three events to
// new streams, each?
import { type Event, STREAM_DOES_NOT_EXIST } from '@event-driven-io/emmett'
import { getPostgreSQLEventStore, postgreSQLEventStoreConsumer } from '@event-driven-io/emmett-postgresql'
import { processor, runtime } from 'emaki'
import { postgres as store } from 'emaki/postgres'
import postgres from 'postgres'
import type { Arena } from './contestant.ts'
import type { Plan } from './duel.ts'
import { isAsked, type Options } from './options.ts'
import { type Basket, basket, Order, order } from './order.ts'
import { plainRow, type Row } from './row.ts'

const CALLERS = 32
/** How long nothing new has to come before a reader is taken to have read what it ever will. Emmett sleeps up to 1 s. */
const QUIET_MS = 4_000
const PAGE = 1_000
const SEEN_MS = 60_000

const EMMETT = '@event-driven-io/emmett-postgresql'

export type Seen = { readonly stored: number; readonly lost: number; readonly doubled: number; readonly reordered: number }

/** How long callers write: so many ms, or until so many events are stored. */
export type Until = { readonly ms: number } | { readonly events: number }

const EVENTS = 1_000_000
/** Processes are played by runtimes with a connection each, among which the callers are shared out: they race for the log's lock. */
const WRITERS = 8

/** A row for each system, of what its reader lost. Peers' are printed, never a failure; ours would be one. */
export async function race(arena: Arena, { repetitions, sliceMs }: Plan, systems: Options['systems']): Promise<readonly Row[]> {
  const ms = repetitions * sliceMs
  const racers = [
    { system: 'emaki', variant: String(CALLERS), run: () => raceProcessor(arena, arena.short ? { ms } : { events: EVENTS }) },
    { system: 'emaki', variant: `reader-${CALLERS}`, run: () => raceEmaki(arena, ms) },
    { system: EMMETT, variant: String(CALLERS), run: () => raceEmmett(arena, ms) },
    { system: EMMETT, variant: `pages-${CALLERS}`, run: () => raceEmmettPages(arena, ms) },
  ].filter(({ system }) => isAsked(systems, system))
  const rows: Row[] = []
  for (const { system, variant, run } of racers) rows.push(rowOf(system, variant, await run()))
  return rows
}

function rowOf(system: string, variant: string, { stored, lost, doubled, reordered }: Seen): Row {
  const note = `of ${stored} events; ${doubled} seen more than once, ${reordered} out of order`
  const row = plainRow({ cell: 'W15', variant, unit: 'lost', target: '' }, system, lost, 0, note)
  return system === 'emaki' && lost + doubled + reordered > 0 ? { ...row, wrong: `${lost} events lost, ${note}` } : row
}

/** Emaki's processor, in a runtime beside several that write. */
export async function raceProcessor({ server }: Pick<Arena, 'server'>, until: Until): Promise<Seen> {
  const url = await server.createDatabase('race')
  const seen = new Tally()
  const reader = processor('race', {
    from: Order,
    start: 'beginning',
    batchSize: PAGE,
    handle: events => {
      for (const { id, stream, version } of events) seen.add(id, stream, version)
    },
  })
  const follower = await runtime({ serve: [order, reader], store: store(url) })
  const writers = await Promise.all(Array.from({ length: WRITERS }, () => runtime({ serve: [order], store: store(url) })))
  let next = 0
  await write(until, async events => {
    const placed = Array.from({ length: events }, (_, i) => (i ? Order.Revised(basket()) : Order.Placed(basket())))
    await writers[next++ % WRITERS]!.append([{ stream: `order-${Bun.randomUUIDv7()}`, expect: 0, events: placed }])
  })
  // What it has not seen by then, it has lost.
  await follower.waitUntilProcessed(await follower.store.head(), ['race'], SEEN_MS)
  await Promise.all([follower, ...writers].map(one => one.close()))
  return seen.against(await idsOf(url, 'select id::text from emaki.events'))
}

/** Emaki: pages of the log, each after the last position of the one before. */
export async function raceEmaki({ server }: Pick<Arena, 'server'>, ms: number): Promise<Seen> {
  const url = await server.createDatabase('race')
  const emaki = await runtime({ serve: [order], store: store(url) })
  const reader = store(url, { migrate: false })
  await reader.open()
  const seen = new Tally()
  let writing = true
  const read = async () => {
    for (let after = 0; ; ) {
      const finished = !writing
      const page = await reader.readAll({ after, limit: PAGE })
      for (const { id, stream, version } of page) seen.add(id, stream, version)
      after = page.at(-1)?.position ?? after
      if (finished && !page.length) return
    }
  }
  const reading = read()
  await write({ ms }, async events => {
    const placed = Array.from({ length: events }, (_, i) => (i ? Order.Revised(basket()) : Order.Placed(basket())))
    await emaki.append([{ stream: `order-${Bun.randomUUIDv7()}`, expect: 0, events: placed }])
  })
  writing = false
  await reading
  await Promise.all([emaki.close(), reader.close()])
  return seen.against(await idsOf(url, 'select id::text from emaki.events'))
}

/** Emmett's published consumer with one of its reactors, which keeps its place after each event. */
export function raceEmmett(arena: Pick<Arena, 'server'>, ms: number): Promise<Seen> {
  return consumed(arena, ms, (consumer, seen) => {
    consumer.reactor({ processorId: 'race', eachMessage: ({ metadata }) => seen.addTheirs(metadata) })
  })
}

/** The same consumer with a processor that takes its pages as they come, and skips nothing of them. */
export function raceEmmettPages(arena: Pick<Arena, 'server'>, ms: number): Promise<Seen> {
  return consumed(arena, ms, (consumer, seen) => {
    const pages = consumer.reactor({ processorId: 'race', eachMessage: () => {} })
    pages.handle = async messages => {
      // Its type leaves out what each of its events has.
      for (const { metadata } of messages) seen.addTheirs(metadata as unknown as Theirs)
    }
  })
}

type Consumer = ReturnType<typeof postgreSQLEventStoreConsumer<Placed>>
type Theirs = { readonly messageId: string; readonly streamName: string; readonly streamPosition: bigint }
type Placed = Event<'Placed', Basket>

/** Pages are large and pauses short enough to stay at the head. */
async function consumed(
  { server }: Pick<Arena, 'server'>,
  ms: number,
  process: (consumer: Consumer, seen: Tally) => void,
): Promise<Seen> {
  const url = await server.createDatabase('race')
  const emmett = getPostgreSQLEventStore(url)
  await emmett.schema.migrate()
  const seen = new Tally()
  const consumer: Consumer = postgreSQLEventStoreConsumer({
    connectionString: url,
    pulling: { batchSize: PAGE, pullingFrequencyInMs: 1 },
  })
  process(consumer, seen)
  const consuming = consumer.start()
  await write({ ms }, async events => {
    const placed = Array.from({ length: events }, (): Placed => ({ type: 'Placed', data: basket() }))
    await emmett.appendToStream(`order-${Bun.randomUUIDv7()}`, placed, { expectedStreamVersion: STREAM_DOES_NOT_EXIST })
  })
  await seen.quiet()
  await consumer.stop()
  await consuming.catch(() => {})
  await consumer.close()
  await emmett.close()
  return seen.against(await idsOf(url, 'select message_id::text as id from emt_messages'))
}

async function write(until: Until, append: (events: number) => Promise<unknown>): Promise<void> {
  const start = performance.now()
  let written = 0
  const goesOn = () => ('ms' in until ? performance.now() - start < until.ms : written < until.events)
  const call = async (_: unknown, caller: number) => {
    for (let i = caller; goesOn(); i++) {
      const events = 1 + (i % 3)
      await append(events)
      written += events
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, call))
}

async function idsOf(url: string, query: string): Promise<readonly string[]> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  const rows = (await sql.unsafe(query)) as unknown as { id: string }[]
  await sql.end()
  return rows.map(({ id }) => id)
}

/** How often each event was seen, and how often one of a stream after a later one. */
class Tally {
  readonly #times = new Map<string, number>()
  readonly #versions = new Map<string, number>()
  #reordered = 0
  #last = performance.now()

  add(id: string, stream: string, version: number): void {
    const times = this.#times.get(id) ?? 0
    this.#times.set(id, times + 1)
    if (times === 0 && version < (this.#versions.get(stream) ?? 0)) this.#reordered++
    this.#versions.set(stream, version)
    this.#last = performance.now()
  }

  addTheirs({ messageId, streamName, streamPosition }: Theirs): void {
    this.add(messageId, streamName, Number(streamPosition))
  }

  /** Resolves when nothing new has come for a while. */
  async quiet(): Promise<void> {
    while (performance.now() - this.#last < QUIET_MS) await Bun.sleep(50)
  }

  against(stored: readonly string[]): Seen {
    return {
      stored: stored.length,
      lost: stored.filter(id => !this.#times.has(id)).length,
      doubled: [...this.#times.values()].filter(times => times > 1).length,
      reordered: this.#reordered,
    }
  }
}
