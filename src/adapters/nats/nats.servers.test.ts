// The relay to JetStream against a real one: in order, once after deduplication, nothing lost when it is killed.
import { afterEach, describe, expect, test } from 'bun:test'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { type Runtime, runtime } from '../../runtime.ts'
import { memory } from '../../ports/store/memory.ts'
import type { Store } from '../../ports/store/store.ts'
import {
  type ReceivedEvent,
  wrapHandler,
  Counter,
  countDeliveries,
  counter,
  countUp,
  faultsOf,
} from '../../test-support/relays.ts'
import { type NatsServer, startNats } from '../../test-support/servers/nats.ts'
import { HANG_MS, until } from '../../test-support/servers/until.ts'
import { natsRelay } from './relay.ts'
import { untilProcessed } from '../../test-support/until-processed.ts'

const STREAM = 'SHOP'
const closing: Runtime[] = []
afterEach(async () => {
  for (const one of closing.splice(0)) await one.close()
})

type Options = Partial<Parameters<typeof natsRelay>[1]>
async function startRelay(server: NatsServer, options: Options = {}, store: Store = memory()): Promise<Runtime> {
  const relay = natsRelay('to-nats', {
    from: Counter,
    servers: server.url,
    stream: STREAM,
    report: () => {},
    ...options,
  } as never)
  const emaki = await runtime({ serve: [counter, relay], store, leaseMs: 500 })
  closing.push(emaki)
  return emaki
}

type Message = ReceivedEvent & {
  readonly subject: string
  readonly event: Record<string, unknown>
  readonly msgID: string
  readonly type: string
}

/** All that the stream keeps, as a consumer of it sees it. */
async function readMessages(server: NatsServer): Promise<readonly Message[]> {
  const connection = await connect({ servers: server.url })
  try {
    const { state } = await (await jetstreamManager(connection)).streams.info(STREAM)
    if (state.messages === 0) return []
    const consumer = await jetstream(connection).consumers.get(STREAM)
    const found: Message[] = []
    for await (const message of await consumer.consume({ max_messages: 1_000 })) {
      const event = message.json<{ id: string; subject: string; data: { n: number } }>()
      const [msgID, type] = ['Nats-Msg-Id', 'content-type'].map(name => message.headers!.get(name)) as [string, string]
      found.push({ id: event.id, stream: event.subject, n: event.data.n, subject: message.subject, event, msgID, type })
      if (message.info.pending === 0) break
    }
    return found
  } finally {
    await connection.close()
  }
}

const TRACEPARENT = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
const LARGE_BAGGAGE = `large=${'x'.repeat(4_000)}`

/** The number, the trace and the baggage of each message in the stream. */
async function carriedIn(connection: NatsConnection): Promise<(readonly [n: number, traceparent: string, baggage: string])[]> {
  const { streams } = await jetstreamManager(connection)
  const { first_seq, last_seq } = (await streams.info(STREAM)).state
  const found: (readonly [number, string, string])[] = []
  for (let seq = first_seq; seq <= last_seq; seq++) {
    const message = (await streams.getMessage(STREAM, { seq }))!
    const header = (name: string) => message.header.get(name)
    found.push([message.json<{ data: { n: number } }>().data.n, header('traceparent'), header('baggage')])
  }
  return found
}

describe('a relay to JetStream', () => {
  test('a relay to JetStream sends each event as a CloudEvent with its id, under a subject of its category and type', async () => {
    await using server = await startNats()
    const store = memory()
    const emaki = await startRelay(server, {}, store)
    await untilProcessed(emaki, await countUp(emaki, 1, 1))
    const [stored] = await store.readAll({ after: 0, limit: 1 })
    const [message] = await readMessages(server)
    expect(message).toMatchObject({
      subject: 'SHOP.counter.Counted',
      msgID: stored!.id,
      type: 'application/cloudevents+json; charset=utf-8',
      event: {
        specversion: '1.0',
        id: stored!.id,
        source: `urn:uuid:${store.identity.id}`,
        type: 'counter.Counted',
        subject: 'counter-c0',
        partitionkey: 'counter-c0',
        data: { n: 1 },
      },
    })
  })

  test('a relay to JetStream keeps the order of each stream, and sends each event once', async () => {
    await using server = await startNats()
    const emaki = await startRelay(server)
    await untilProcessed(emaki, await countUp(emaki, 50, 40), ['to-nats'])
    expect(faultsOf(await readMessages(server), 50, 40)).toEqual({ lost: 0, doubled: 0, disordered: 0 })
  })

  test('a relay to JetStream loses nothing when NATS is killed in the middle, and holds nobody else up', async () => {
    await using server = await startNats()
    const reported: unknown[] = []
    const report = (error: unknown) => reported.push(error)
    const options = { from: Counter, servers: server.url, stream: STREAM, report, inFlightMax: 50 }
    const { relay, delivered } = countDeliveries(natsRelay('to-nats', options))
    const emaki = await runtime({ serve: [counter, relay], store: memory(), leaseMs: 500 })
    closing.push(emaki)
    const counting = countUp(emaki, 50, 100)
    for (const after of [500, 1_500]) {
      await until('some have arrived', () => delivered.length > after)
      const reportedBefore = reported.length
      await server.kill()
      expect(delivered.length).toBeLessThan(5_000)
      await until('the outage is told', () => reported.length > reportedBefore)
      await countUp(emaki, 1, 5, 50)
      await server.restart()
    }
    await counting
    const last = await countUp(emaki, 1, 90, 50)
    await untilProcessed(emaki, last, ['to-nats'])
    expect(faultsOf(await readMessages(server), 51, 100)).toEqual({ lost: 0, doubled: 0, disordered: 0 })
    expect(await emaki.store.readModel.parked()).toEqual([])
    // Two for each outage, and not one for each event on its way.
    expect(reported.length).toBeLessThan(12)
  })

  test('a relay to JetStream doubles no event that it sends again, as from an older checkpoint', async () => {
    await using server = await startNats()
    const { relay, delivered } = countDeliveries(
      natsRelay('to-nats', { from: Counter, start: 'beginning', servers: server.url, stream: STREAM }),
    )
    const emaki = await runtime({ serve: [counter, relay], store: memory(), leaseMs: 500 })
    closing.push(emaki)
    await untilProcessed(emaki, await countUp(emaki, 10, 10))
    await emaki.reset('to-nats', 0)
    await until('all were sent twice', () => delivered.length === 200)
    expect(faultsOf(await readMessages(server), 10, 10)).toEqual({ lost: 0, doubled: 0, disordered: 0 })
  })

  test('the checks of the relay to JetStream see one that doubles events by another id each time', async () => {
    await using server = await startNats()
    const relay = wrapHandler(
      natsRelay('to-nats', { from: Counter, start: 'beginning', servers: server.url, stream: STREAM }),
      handle => {
        return (events, handling) => {
          const cloudEvent: typeof handling.cloudEvent = event => {
            const { attributes, data } = handling.cloudEvent(event)
            return { attributes: { ...attributes, id: Bun.randomUUIDv7() }, data }
          }
          return handle(events, { ...handling, cloudEvent })
        }
      },
    )
    const emaki = await runtime({ serve: [counter, relay], store: memory(), leaseMs: 500 })
    closing.push(emaki)
    await untilProcessed(emaki, await countUp(emaki, 5, 4))
    await emaki.reset('to-nats', 0)
    await until('they are there twice', async () => (await readMessages(server)).length >= 40)
    const messages = (await readMessages(server)).map(({ stream, n }) => ({ stream, n, id: `${stream} ${n}` }))
    expect(faultsOf(messages, 5, 4)).toMatchObject({ lost: 0, doubled: 20 })
  })

  test('a relay to JetStream parks the stream of an event that is too large, and the others go on', async () => {
    await using server = await startNats({ settings: { max_payload: 4_096 } })
    const emaki = await startRelay(server)
    await emaki.send(counter.count('large', { pad: 'x'.repeat(5_000) }))
    await emaki.send(counter.count('large', {}))
    await untilProcessed(emaki, await countUp(emaki, 3, 2))
    expect((await readMessages(server)).map(({ stream }) => stream)).not.toContain('counter-large')
    expect(faultsOf(await readMessages(server), 3, 2)).toEqual({ lost: 0, doubled: 0, disordered: 0 })
    expect(await emaki.store.readModel.parked()).toMatchObject([
      {
        name: 'to-nats',
        kind: 'key',
        key: 'counter-large',
        position: 1,
        cause: expect.stringContaining('NATS takes 4096 bytes'),
      },
    ])
  })

  test('a message to JetStream that the stream only takes without its baggage goes without it, and the next has its own', async () => {
    await using server = await startNats()
    const connection = await connect({ servers: server.url })
    await (await jetstreamManager(connection)).streams.add({ name: STREAM, subjects: [`${STREAM}.>`], max_msg_size: 4_096 })
    const emaki = await startRelay(server)
    await emaki.send(counter.count('c0', { pad: 'x'.repeat(1_000) }), { traceparent: TRACEPARENT, baggage: LARGE_BAGGAGE })
    await emaki.send(counter.count('c0', {}), { traceparent: TRACEPARENT, baggage: 'tenant=blue' })
    await untilProcessed(emaki, 2, ['to-nats'])
    const carried = await carriedIn(connection)
    await connection.close()
    expect(carried).toEqual([
      [1, TRACEPARENT, ''],
      [2, TRACEPARENT, 'tenant=blue'],
    ])
    expect(await emaki.store.readModel.parked()).toEqual([])
  })

  test('a message to JetStream that is only too large with its trace goes without that, and a larger one parks its stream', async () => {
    await using server = await startNats()
    const connection = await connect({ servers: server.url })
    const { streams } = await jetstreamManager(connection)
    await streams.add({ name: STREAM, subjects: [`${STREAM}.>`] })
    const first = await startRelay(server)
    await first.send(counter.count('c0', {}), {})
    await untilProcessed(first, 1, ['to-nats'])
    const { bytes } = (await streams.info(STREAM)).state
    await streams.purge(STREAM)
    // The event says its trace too: there is room for that, and not for the header.
    await streams.update(STREAM, { max_msg_size: bytes + 80 })
    await first.send(counter.count('c1', {}), { traceparent: TRACEPARENT })
    await first.send(counter.count('c2', { pad: 'x'.repeat(4_096) }), { traceparent: TRACEPARENT })
    await untilProcessed(first, 3, ['to-nats'])
    const carried = await carriedIn(connection)
    await connection.close()
    expect(carried).toEqual([[1, '', '']])
    expect(await first.store.readModel.parked()).toMatchObject([{ key: 'counter-c2', cause: expect.stringContaining('refused') }])
  })

  test('a relay to JetStream ends at once while NATS is away, and goes on where it was', async () => {
    await using server = await startNats()
    const store = memory()
    // A relay that waited for NATS would not end before the test.
    const first = await startRelay(server, { deadlineMs: 2 * HANG_MS }, store)
    await untilProcessed(first, await countUp(first, 5, 2))
    await server.kill()
    const last = await countUp(first, 5, 2)
    await closing.pop()!.close()
    await server.restart()
    const second = await startRelay(server, {}, store)
    await untilProcessed(second, last, ['to-nats'])
    expect(faultsOf(await readMessages(server), 5, 4)).toEqual({ lost: 0, doubled: 0, disordered: 0 })
  })
})

describe('natsRelay()', () => {
  test('natsRelay() refuses a name that no stream can have', () => {
    expect(() => natsRelay('to-nats', { from: Counter, servers: 'nats://127.0.0.1', stream: 'A.B' })).toThrow(
      'no stream of JetStream',
    )
  })
})
