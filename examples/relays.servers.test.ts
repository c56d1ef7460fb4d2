// The relays of the README, as one process that sends to real brokers and to its own inbox.
import { expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from '@nats-io/transport-node'
import { jetstreamManager } from '@nats-io/jetstream'
import { Webhook } from 'standardwebhooks'
import { serveProcess } from '../src/test-support/served-process.ts'
import { startKafka } from '../src/test-support/servers/kafka.ts'
import { startNats } from '../src/test-support/servers/nats.ts'
import { until } from '../src/test-support/servers/until.ts'

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`

test('an invoice is sent, paid by a webhook, and published to NATS, Kafka and the partner', async () => {
  await using nats = await startNats()
  await using kafka = await startKafka()
  const folder = await mkdtemp(join(tmpdir(), 'emaki-relays-'))
  const told: string[] = []
  const partner = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: async request => {
      const event = new Webhook(SECRET).verify(await request.text(), Object.fromEntries(request.headers)) as { type: string }
      told.push(event.type)
      return new Response(null, { status: 204 })
    },
  })
  const served = await serveProcess([process.execPath, join(import.meta.dir, 'relays.ts')], {
    SQLITE_FILE: join(folder, 'log.db'),
    NATS_URL: nats.url,
    KAFKA_BROKERS: kafka.address,
    PARTNER_URL: partner.url.href,
    WEBHOOK_SECRET: SECRET,
  })
  try {
    const post = (path: string, body: string, headers: Record<string, string> = {}) =>
      fetch(`${served.url}${path}`, { method: 'POST', body, headers: { 'Content-Type': 'application/json', ...headers } })
    expect((await post('/invoice/i1/send', '{"cents":500}')).status).toBe(201)
    const [id, at, body] = ['msg_1', new Date(), '{"type":"payment.succeeded","data":{"invoice":"i1"}}'] as const
    const proof = {
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
      'webhook-signature': new Webhook(SECRET).sign(id, at, body),
    }
    for (let i = 0; i < 3; i++) expect((await post('/webhooks/payments', body, proof)).status).toBe(200)
    await until('the partner is told', () => told.length > 0)
    expect(told).toEqual(['invoice.Paid'])
    const connection = await connect({ servers: nats.url })
    const manager = await jetstreamManager(connection)
    await until('NATS has both', async () => (await manager.streams.info('BILLING').catch(() => null))?.state.messages === 2)
    await connection.close()
    const types = (await kafka.read('invoices')).map(({ headers }) => headers['ce_type'])
    expect(types).toEqual(['invoice.Sent', 'invoice.Paid'])
  } finally {
    await served.stop()
    await partner.stop(true)
    await rm(folder, { recursive: true })
  }
})
