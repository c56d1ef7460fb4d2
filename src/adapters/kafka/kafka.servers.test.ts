// The relay to Kafka over the real protocol, to the broker in librdkafka, read back by librdkafka.
import { afterEach, describe, expect, test } from 'bun:test'
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
import { type KafkaBroker, type KafkaMessage, startKafka } from '../../test-support/servers/kafka.ts'
import { startProxy } from '../../test-support/servers/proxy.ts'
import { until } from '../../test-support/servers/until.ts'
import { bytesOf } from './message.ts'
import { kafkaRelay } from './relay.ts'
import { untilProcessed } from '../../test-support/until-processed.ts'

const TRACEPARENT = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
const closing: Runtime[] = []
afterEach(async () => {
  for (const one of closing.splice(0)) await one.close()
})

type Options = Partial<Parameters<typeof kafkaRelay>[1]>
const relayTo = (brokers: readonly string[], options: Options = {}) =>
  kafkaRelay('to-kafka', { from: Counter, start: 'beginning', brokers, topic: 'counters', report: () => {}, ...options } as never)

async function startRelay(relay: ReturnType<typeof relayTo>, store: Store = memory()): Promise<Runtime> {
  const emaki = await runtime({ serve: [counter, relay], store, leaseMs: 500 })
  closing.push(emaki)
  return emaki
}

const readReceived = async (broker: KafkaBroker, topic = 'counters'): Promise<readonly ReceivedEvent[]> =>
  (await broker.read(topic)).map(toReceived)
const toReceived = ({ key, payload, headers }: KafkaMessage): ReceivedEvent => ({
  id: headers['ce_id']!,
  stream: key,
  n: (JSON.parse(payload) as { n: number }).n,
})

describe('a relay to Kafka', () => {
  test('a relay to Kafka produces each event as a CloudEvent in binary mode, with its stream for a key', async () => {
    await using broker = await startKafka()
    const store = memory()
    const emaki = await startRelay(relayTo([broker.address]), store)
    await untilProcessed(emaki, await countUp(emaki, 1, 1))
    const [stored] = await store.readAll({ after: 0, limit: 1 })
    const [message] = await broker.read('counters')
    expect(message).toMatchObject({
      key: 'counter-c0',
      payload: '{"n":1}',
      headers: {
        ce_specversion: '1.0',
        ce_id: stored!.id,
        ce_source: `urn:uuid:${store.identity.id}`,
        ce_type: 'counter.Counted',
        ce_subject: 'counter-c0',
        ce_partitionkey: 'counter-c0',
        ce_streamversion: '1',
        'content-type': 'application/json',
      },
    })
    expect(message!.headers).not.toHaveProperty('ce_datacontenttype')
  })

  test('a relay to Kafka keeps the order of each stream in one partition, over topics of its own choice', async () => {
    await using broker = await startKafka()
    const emaki = await startRelay(
      relayTo([broker.address], { topic: (event: { instance: string }) => `topic-${event.instance.at(-1)}` } as never),
    )
    await untilProcessed(emaki, await countUp(emaki, 20, 50), ['to-kafka'])
    const messages = (await Promise.all(Array.from({ length: 10 }, (_, i) => broker.read(`topic-${i}`)))).flat()
    expect(faultsOf(messages.map(toReceived), 20, 50)).toEqual({ lost: 0, doubled: 0, disordered: 0 })
    for (const of of Map.groupBy(messages, ({ key }) => key).values())
      expect(new Set(of.map(({ partition }) => partition)).size).toBe(1)
  })

  test('a relay to Kafka loses nothing and keeps the order while the broker hangs for longer than the deadline, and holds nobody else up', async () => {
    await using broker = await startKafka()
    const reported: unknown[] = []
    const report = (error: unknown) => reported.push(error)
    const { relay, delivered } = countDeliveries(relayTo([broker.address], { deadlineMs: 300, inFlightMax: 20, report }))
    const emaki = await startRelay(relay)
    const counting = countUp(emaki, 20, 100)
    await until('some have arrived', () => delivered.length > 100)
    await broker.kill('SIGSTOP')
    await until('the outage is told', () => reported.length > 0)
    expect(delivered.length).toBeLessThan(2_000)
    const last = await counting
    await broker.kill('SIGCONT')
    await untilProcessed(emaki, last, ['to-kafka'])
    // What was on its way may be there twice, but the first of each is in its place.
    expect(faultsOf(await readReceived(broker), 20, 100)).toMatchObject({ lost: 0, disordered: 0 })
    expect(reported).toMatchObject([{ code: 'retry-began' }, { code: 'retry-ended' }])
    expect(await emaki.store.readModel.parked()).toEqual([])
  })

  test('a relay to Kafka produces to another broker all that a killed one had not acknowledged', async () => {
    await using first = await startKafka()
    await using second = await startKafka()
    // Clients ask the broker of the day, which then tells them its own address.
    const target = { host: '127.0.0.1', port: first.port }
    const proxy = startProxy(target)
    const { relay, delivered } = countDeliveries(relayTo([`127.0.0.1:${proxy.port}`], { deadlineMs: 500, inFlightMax: 20 }))
    const emaki = await startRelay(relay)
    const counting = countUp(emaki, 20, 100)
    await until('some have arrived', () => delivered.length > 100)
    await first.kill()
    const acknowledged = new Set(delivered)
    target.port = second.port
    await untilProcessed(emaki, await counting, ['to-kafka'])
    const there = new Set((await readReceived(second)).map(({ id }) => id))
    expect(there.size).toBeGreaterThan(0)
    expect(acknowledged.union(there).size).toBe(2_000)
    proxy.stop()
  })

  test('a relay to Kafka parks the stream of a message that is too large, and the others go on', async () => {
    await using broker = await startKafka()
    const emaki = await startRelay(relayTo([broker.address], { requestBytesMax: 4_096 }))
    await emaki.send(counter.count('large', { pad: 'x'.repeat(5_000) }))
    await emaki.send(counter.count('large', {}))
    await untilProcessed(emaki, await countUp(emaki, 3, 20))
    expect(faultsOf(await readReceived(broker), 3, 20)).toMatchObject({ lost: 0, disordered: 0 })
    expect(await emaki.store.readModel.parked()).toMatchObject([
      { name: 'to-kafka', kind: 'key', key: 'counter-large', position: 1, cause: expect.stringContaining('at most 4096 bytes') },
    ])
  })

  test.each([
    ['without its baggage, where it only fits so', 0, { traceparent: TRACEPARENT }],
    ['without its trace too, where it only fits so', 70, {}],
  ])('a message to Kafka goes %s, and the next has both', async (_, missing, carried) => {
    await using broker = await startKafka()
    const requestBytesMax = 1_000
    const emaki = await startRelay(relayTo([broker.address], { requestBytesMax }))
    const sent = { traceparent: TRACEPARENT, baggage: 'tenant=blue' }
    await emaki.send(counter.count('c0', {}), sent)
    await untilProcessed(emaki, 1)
    const [first] = await broker.read('counters')
    const message = { key: first!.key, value: first!.payload, headers: first!.headers }
    const room = requestBytesMax - bytesOf(message) + bytesOf({ key: '', value: '', headers: { baggage: sent.baggage } })
    await emaki.send(counter.count('c0', { pad: 'x'.repeat(room - 50 + missing) }), {
      ...sent,
      baggage: `large=${'x'.repeat(1_000)}`,
    })
    await emaki.send(counter.count('c0', {}), sent)
    await untilProcessed(emaki, 3)
    const all = (await broker.read('counters')).map(({ headers: { traceparent, baggage } }) => ({ traceparent, baggage }))
    expect(all).toEqual([sent, carried, sent] as never)
    expect(await emaki.store.readModel.parked()).toEqual([])
  })

  test('the checks of the relay to Kafka see one that loses and reorders events', async () => {
    await using broker = await startKafka()
    const store = memory()
    const before = await runtime({ serve: [counter], store })
    const last = await countUp(before, 2, 30)
    const careless = wrapHandler(relayTo([broker.address]), handle => async (events, handling) => {
      await handle(events.slice(1).toReversed(), handling)
    })
    const emaki = await startRelay(careless, store)
    await untilProcessed(emaki, last)
    const faults = faultsOf(await readReceived(broker), 2, 30)
    expect(faults.lost).toBeGreaterThan(0)
    expect(faults.disordered).toBe(2)
  })
})
