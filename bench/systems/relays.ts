// W17: how fast a relay sends a log to a broker, and whether all of it is there.
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { type Processor, runtime } from 'emaki'
import { kafkaRelay } from 'emaki/kafka'
import { natsRelay } from 'emaki/nats'
import { postgres } from 'emaki/postgres'
import { spec } from '../../src/definitions/event/events.ts'
import { startKafka } from '../../src/test-support/servers/kafka.ts'
import { startNats } from '../../src/test-support/servers/nats.ts'
import type { Arena } from '../contestant.ts'
import type { Plan } from '../duel.ts'
import { cpuClock } from '../measure/cpu.ts'
import { median, spread } from '../measure/statistics.ts'
import { isAsked, type Options } from '../options.ts'
import { Order, order } from '../order.ts'
import { plainRow, type Row } from '../row.ts'
import { EVENTS_EACH, seed } from './seed.ts'

const RATE_MIN = 20_000
const ORDERS = 5_000
const ORDERS_SHORT = 1_000
/** The broker in kcat keeps 5 MB a partition, and makes four of them a topic. */
const KAFKA_TOPICS = 16
const TIMEOUT_MS = 300_000

type Broker = {
  /** A relay to a place where nothing is yet. */
  readonly relay: (run: number) => Processor<'relay'>
  /** How many different events are there, and how many messages. */
  readonly count: (run: number) => Promise<{ readonly events: number; readonly messages: number }>
  /** Kills it with no warning, and starts it on what it had on disk. */
  readonly crash: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** Emaki to a broker, from PostgreSQL; `crash`: the broker is killed when half is there. Valued by events a second, the outage included. */
export function relays(variant: string, start: () => Promise<Broker>, { crash = false } = {}) {
  return async (arena: Arena, { repetitions }: Plan, systems: Options['systems']): Promise<readonly Row[]> => {
    if (!isAsked(systems, 'emaki')) return []
    const url = await arena.server.createDatabase('relayed')
    const events = await seed(url, arena.short ? ORDERS_SHORT : ORDERS)
    const broker = await start()
    const rates: number[] = []
    const appUs: number[] = []
    let wrong: string | null = null
    let doubled = 0
    // The first warms up.
    for (let run = 0; run <= repetitions; run++) {
      const used = cpuClock(null)
      const rate = await sendAll(url, events, broker, run, crash)
      if (run > 0) rates.push(rate)
      if (run > 0) appUs.push(used().appUs / events)
      const found = await broker.count(run)
      doubled += found.messages - found.events
      if (found.events !== events) wrong ??= `${events} events were sent; found ${found.events}`
    }
    await broker.stop()
    const short = arena.short ? `SHORT: ${ORDERS_SHORT * EVENTS_EACH} events; ` : ''
    const note = `${short}${events} events a run, ${doubled} doubled in all`
    const row = plainRow({ cell: 'W17', variant, unit: 'events/s', target: '>= 1' }, 'emaki', median(rates), RATE_MIN, note)
    return [{ ...row, spread: spread(rates), appUs: median(appUs), wrong }]
  }
}

/** From when the first events are handed over until the last are acknowledged. */
async function sendAll(url: string, events: number, broker: Broker, run: number, crash: boolean): Promise<number> {
  const definition = broker.relay(run)[spec]
  let began = 0
  let delivered = 0
  let crashed: Promise<void> | null = null
  const done = Promise.withResolvers<number>()
  const handle: typeof definition.handle = async (batch, handling) => {
    began ||= performance.now()
    await definition.handle(batch, handling)
    delivered += batch.length
    if (crash && delivered * 2 >= events) crashed ??= broker.crash()
    if (delivered === events) done.resolve(performance.now())
  }
  const relay = { [spec]: { ...definition, name: `relay-${run}`, handle } }
  const emaki = await runtime({ serve: [order, relay], store: postgres(url) })
  const timer = setTimeout(() => done.reject(new Error(`${delivered} of ${events} events were sent in time`)), TIMEOUT_MS)
  const ended = await done.promise
  clearTimeout(timer)
  await crashed
  await emaki.close()
  return (events * 1_000) / (ended - began)
}

export async function toNats(): Promise<Broker> {
  const server = await startNats()
  const streamOf = (run: number) => `RUN${run}`
  return {
    relay: run =>
      natsRelay('relay', { from: Order, start: 'beginning', servers: server.url, stream: streamOf(run), report: () => {} }),
    count: async run => {
      const connection = await connect({ servers: server.url })
      // What it was told twice by one id it keeps once.
      const { messages } = (await (await jetstreamManager(connection)).streams.info(streamOf(run))).state
      await connection.close()
      return { events: messages, messages }
    },
    crash: async () => {
      await server.kill()
      await server.restart()
    },
    stop: server.stop,
  }
}

export async function toKafka(): Promise<Broker> {
  const broker = await startKafka()
  const topic = (run: number, part: number) => `orders-${run}-${part}`
  return {
    relay: run =>
      kafkaRelay('relay', {
        from: Order,
        start: 'beginning',
        brokers: [broker.address],
        topic: ({ stream }) => topic(run, Number(Bun.hash.xxHash64(stream) % BigInt(KAFKA_TOPICS))),
        report: () => {},
      }),
    count: async run => {
      const ids = new Set<string>()
      let messages = 0
      for (let part = 0; part < KAFKA_TOPICS; part++) {
        const found = await broker.read(topic(run, part))
        messages += found.length
        for (const { headers } of found) ids.add(headers['ce_id']!)
      }
      return { events: ids.size, messages }
    },
    crash: () => Promise.reject(new Error('the broker in kcat keeps nothing on disk')),
    stop: broker.stop,
  }
}
