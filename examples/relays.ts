// Events out and messages in: to NATS, to Kafka, to a partner's endpoint, and from one. `bun examples/relays.ts` serves it.
import { decider, events, inbox, reject } from 'emaki'
import { main } from 'emaki/cli'
import { app, receive } from 'emaki/http'
import { kafkaRelay } from 'emaki/kafka'
import { natsRelay } from 'emaki/nats'
import { standardWebhooks, webhooks } from 'emaki/webhooks'
import { z } from 'zod'

const { NATS_URL, KAFKA_BROKERS, PARTNER_URL } = process.env
/** For a try; a real one is random, and nobody sees it. */
const { WEBHOOK_SECRET = `whsec_${btoa('for a try and for nothing else..')}` } = process.env

const Invoice = events('invoice', { Sent: z.object({ cents: z.int().positive() }), Paid: z.object({}) })

const invoice = decider(Invoice, {
  initial: { status: 'new' as 'new' | 'sent' | 'paid' },
  evolve: { Sent: _ => ({ status: 'sent' }), Paid: _ => ({ status: 'paid' }) },
  commands: { send: z.object({ cents: z.int().positive() }), pay: z.object({}) },
  decide: {
    send: ({ status }, { cents }) => (status === 'new' ? Invoice.Sent({ cents }) : reject('already-sent')),
    pay: ({ status }) => (status === 'sent' ? Invoice.Paid({}) : reject('nothing-to-pay')),
  },
})

export const relays = [
  ...(NATS_URL ? [natsRelay('to-nats', { from: Invoice, servers: NATS_URL, stream: 'BILLING' })] : []),
  ...(KAFKA_BROKERS ? [kafkaRelay('to-kafka', { from: Invoice, brokers: KAFKA_BROKERS.split(','), topic: 'invoices' })] : []),
  ...(PARTNER_URL ? [webhooks('partner', { from: Invoice, types: ['Paid'], url: PARTNER_URL, secrets: WEBHOOK_SECRET })] : []),
]

export const payments = inbox('payments', {
  message: z.object({ type: z.string(), data: z.object({ invoice: z.string() }) }),
  command: ({ type, data }) => (type === 'payment.succeeded' ? invoice.pay(data.invoice, {}) : null),
  verify: standardWebhooks(WEBHOOK_SECRET),
  source: { service: 'payments.example' },
})

const served = app({ serve: [invoice, payments, ...relays] })
served.post('/webhooks/payments', receive(payments))

await main(served)
