// W15: does a reader at the head of the log see every event once, while 32 callers append one to three events to new streams?
import { type Event, STREAM_DOES_NOT_EXIST } from '@event-driven-io/emmett'
import { getPostgreSQLEventStore, postgreSQLEventStoreConsumer } from '@event-driven-io/emmett-postgresql'
import { runtime } from 'emaki'
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

const EMMETT = '@event-driven-io/emmett-postgresql'

export type Seen = { readonly stored: number; readonly lost: number; readonly doubled: number }

/** A row for each system, of what its reader lost. Peers' are printed, never a failure; ours would be one. */
export async function race(arena: Arena, { repetitions, sliceMs }: Plan, systems: Options['systems']): Promise<readonly Row[]> {
  const racers = [
    { system: 'emaki', variant: String(CALLERS), run: raceEmaki },
    { system: EMMETT, variant: String(CALLERS), run: raceEmmett },
    { system: EMMETT, variant: `pages-${CALLERS}`, run: raceEmmettPages },
  ].filter(({ system }) => isAsked(systems, system))
  const rows: Row[] = []
  for (const { system, variant, run } of racers) rows.push(rowOf(system, variant, await run(arena, repetitions * sliceMs)))
  return rows
}

function rowOf(system: string, variant: string, { stored, lost, doubled }: Seen): Row {
  const note = `of ${stored} events; ${doubled} seen more than once`
  const row = plainRow({ cell: 'W15', variant, unit: 'lost', target: '' }, system, lost, 0, note)
  return system === 'emaki' && lost + doubled > 0 ? { ...row, wrong: `${lost} events lost, ${doubled} doubled` } : row
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
      for (const { id } of page) seen.add(id)
      after = page.at(-1)?.position ?? after
      if (finished && !page.length) return
    }
  }
  const reading = read()
  await write(ms, async events => {
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
    consumer.reactor({ processorId: 'race', eachMessage: ({ metadata }) => seen.add(metadata.messageId) })
  })
}

/** The same consumer with a processor that takes its pages as they come, and skips nothing of them. */
export function raceEmmettPages(arena: Pick<Arena, 'server'>, ms: number): Promise<Seen> {
  return consumed(arena, ms, (consumer, seen) => {
    const pages = consumer.reactor({ processorId: 'race', eachMessage: () => {} })
    pages.handle = async messages => {
      for (const { metadata } of messages) seen.add((metadata as unknown as { messageId: string }).messageId)
    }
  })
}

type Consumer = ReturnType<typeof postgreSQLEventStoreConsumer<Placed>>
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
  await write(ms, async events => {
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

async function write(ms: number, append: (events: number) => Promise<unknown>): Promise<void> {
  const end = performance.now() + ms
  const call = async (_: unknown, caller: number) => {
    for (let i = caller; performance.now() < end; i++) await append(1 + (i % 3))
  }
  await Promise.all(Array.from({ length: CALLERS }, call))
}

async function idsOf(url: string, query: string): Promise<readonly string[]> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  const rows = (await sql.unsafe(query)) as unknown as { id: string }[]
  await sql.end()
  return rows.map(({ id }) => id)
}

/** How often each event was seen. */
class Tally {
  readonly #times = new Map<string, number>()
  #last = performance.now()

  add(id: string): void {
    this.#times.set(id, (this.#times.get(id) ?? 0) + 1)
    this.#last = performance.now()
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
    }
  }
}
