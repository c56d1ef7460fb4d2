// Two services, each in a process of its own: the shop places orders, and the warehouse learns of them by webhooks or by
// NATS, packs parcels, and tells a third one. The same file runs their verbs.
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { z } from 'zod'
import { app, receive } from '../../routes/index.ts'
import { natsRelay } from '../adapters/nats/relay.ts'
import { telemetry } from '../adapters/otel/index.ts'
import { standardWebhooks } from '../adapters/webhooks/signature.ts'
import { webhooks } from '../adapters/webhooks/webhooks.ts'
import { main } from '../cli/index.ts'
import { decider } from '../definitions/decider/decider.ts'
import { events } from '../definitions/event/events.ts'
import { inbox } from '../dispatch/inbox.ts'

const { ROLE = '', NATS_URL = '', NEXT_URL = '' } = process.env
const SECRET = `whsec_${btoa('of two services in a test, 32 b.')}`
const STREAM = 'SHOP'

const Order = events('order', { Placed: z.object({}) })
const order = decider(Order, {
  initial: {},
  evolve: { Placed: s => s },
  commands: { place: z.object({}) },
  decide: { place: () => Order.Placed({}) },
})
const Parcel = events('parcel', { Packed: z.object({}) })
const parcel = decider(Parcel, {
  initial: {},
  evolve: { Packed: s => s },
  commands: { pack: z.object({}) },
  decide: { pack: () => Parcel.Packed({}) },
})
const orders = inbox('orders', {
  message: z.object({ id: z.string(), subject: z.string() }),
  command: ({ subject }) => parcel.pack(subject, {}),
  verify: standardWebhooks(SECRET),
  source: NATS_URL ? { topic: `${STREAM}.>` } : { service: 'shop' },
})

function shop() {
  const relay = NATS_URL
    ? natsRelay('to-nats', { from: Order, servers: NATS_URL, stream: STREAM })
    : webhooks('warehouse', { from: Order, url: NEXT_URL, secrets: SECRET })
  return [order, relay]
}

function warehouse() {
  return [parcel, orders, webhooks('customer', { from: Parcel, url: NEXT_URL, secrets: SECRET })]
}

const served = app({ serve: ROLE === 'shop' ? shop() : warehouse(), telemetry: await telemetry({ serviceName: ROLE }) })
if (ROLE === 'warehouse') served.post('/hooks/orders', receive(orders))
if (ROLE === 'warehouse' && NATS_URL && process.argv[2] === undefined) void consumeOrders()
await main(served)

async function consumeOrders(): Promise<void> {
  const emaki = await served.runtime()
  const connection = await connect({ servers: NATS_URL })
  const manager = await jetstreamManager(connection)
  await manager.streams.add({ name: STREAM, subjects: [`${STREAM}.>`] })
  await manager.consumers.add(STREAM, { durable_name: 'warehouse', ack_policy: 'explicit' })
  const consumer = await jetstream(connection).consumers.get(STREAM, 'warehouse')
  for await (const message of await consumer.consume()) {
    const header = (name: string) => message.headers?.get(name) || undefined
    const [traceparent, baggage] = [header('traceparent'), header('baggage')]
    const carried = { ...(traceparent !== undefined && { traceparent }), ...(baggage !== undefined && { baggage }) }
    const taken = await orders.take(emaki, message.json(), { header, ...carried })
    if ('retryAfterMs' in taken) message.nak(taken.retryAfterMs)
    else message.ack()
  }
}
