// Webhooks in: what is not signed has no effect, what is repeated has one, and senders learn whether to repeat.
import { afterEach, describe, expect, test } from 'bun:test'
import { Webhook } from 'standardwebhooks'
import { z } from 'zod'
import { decider } from '../../src/definitions/decider/decider.ts'
import { reject } from '../../src/definitions/decider/reject.ts'
import { events, spec } from '../../src/definitions/event/events.ts'
import { inbox } from '../../src/dispatch/inbox.ts'
import { runtime } from '../../src/runtime.ts'
import { cleanUp, cleanUpLater } from '../../src/test-support/cleanup.ts'
import { memory } from '../../src/ports/store/memory.ts'
import { standardWebhooks } from '../../src/adapters/webhooks/signature.ts'
import { webhooks } from '../../src/adapters/webhooks/webhooks.ts'
import { type App, app } from '../app.ts'
import { receive } from './inbox.ts'
import { untilProcessed } from '../../src/test-support/until-processed.ts'

const SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`
const OTHER = `whsec_${Buffer.alloc(32, 2).toString('base64')}`
const Till = events('till', { Paid: z.object({ cents: z.int() }) })
const till = decider(Till, {
  initial: { cents: 0 },
  evolve: { Paid: (till, { cents }) => ({ cents: till.cents + cents }) },
  commands: { pay: z.object({ cents: z.int() }) },
  decide: { pay: (_, { cents }) => (cents > 100 ? reject('too-much', { cents }) : Till.Paid({ cents })) },
  expose: z.object({ cents: z.int() }),
})
const payments = inbox('payments', {
  message: z.object({ type: z.string(), data: z.object({ till: z.string(), cents: z.int() }) }),
  command: ({ type, data }) => (type === 'paid' ? till.pay(data.till, { cents: data.cents }) : null),
  verify: standardWebhooks([OTHER, SECRET]),
})

afterEach(cleanUp)
function openTill(): App {
  const opened = app({ serve: [till], store: memory() })
  opened.post('/webhooks/payments', receive(payments))
  cleanUpLater(() => opened[spec].stop())
  return opened
}

type SendOptions = { readonly id?: string; readonly secret?: string; readonly at?: Date; readonly body?: string }
async function sendWebhook(
  to: App,
  message: object,
  { id = 'm1', secret = SECRET, at = new Date(), body = JSON.stringify(message) }: SendOptions = {},
) {
  const answer = await to.request('/webhooks/payments', {
    method: 'POST',
    body,
    headers: {
      'Content-Type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
      'webhook-signature': new Webhook(secret).sign(id, at, JSON.stringify(message)),
    },
  })
  const replayed = answer.headers.get('idempotency-replayed')
  return { status: answer.status, replayed, body: (await answer.json()) as Record<string, unknown>, headers: answer.headers }
}
const paidMessage = (cents: number) => ({ type: 'paid', data: { till: 't', cents } })
const readCents = async (from: App) => ((await (await from.request('/till/t')).json()) as { cents?: number }).cents

describe('a webhook', () => {
  test('a webhook sends its command in the name of its inbox, whoever the app says the request is of', async () => {
    const to = app({ serve: [till], store: memory(), actor: () => 'ada', guard: () => true })
    to.post('/webhooks/payments', receive(payments))
    cleanUpLater(() => to[spec].stop())
    expect((await sendWebhook(to, paidMessage(5))).status).toBe(200)
    const { events } = (await (await to.request('/streams/till-t')).json()) as { events: { meta: object }[] }
    expect(events.map(({ meta }) => meta)).toMatchObject([{ actor: 'inbox:payments', causation: 'm1' }])
  })

  test('a webhook that is sent several times has one effect, and the same answer each time', async () => {
    const to = openTill()
    const answers = await Promise.all(Array.from({ length: 20 }, () => sendWebhook(to, paidMessage(5))))
    answers.push(await sendWebhook(to, paidMessage(5), { at: new Date(Date.now() + 10_000), secret: OTHER }))
    for (const { status, body } of answers)
      expect([status, body]).toEqual([200, { outcome: 'accepted', stream: 'till-t', version: 1, position: 1 }])
    expect(answers.filter(({ replayed }) => replayed === null)).toHaveLength(1)
    expect(await readCents(to)).toBe(5)
  })

  test('a webhook whose command is rejected answers 200, and is rejected again when it is sent again', async () => {
    const to = openTill()
    const answers = [await sendWebhook(to, paidMessage(500)), await sendWebhook(to, paidMessage(500))]
    for (const { status, body } of answers)
      expect([status, body]).toEqual([200, { outcome: 'rejected', code: 'too-much', data: { cents: 500 } }])
    expect(answers.map(({ replayed }) => replayed)).toEqual([null, 'true'])
  })

  test('a webhook that maps to no command answers 200 and appends nothing', async () => {
    const { status, body } = await sendWebhook(openTill(), { ...paidMessage(5), type: 'refunded' })
    expect([status, body]).toEqual([200, { outcome: 'ignored' }])
  })

  test.each([
    ['another secret', { secret: `whsec_${Buffer.alloc(32, 3).toString('base64')}` }],
    ['another body', { body: JSON.stringify(paidMessage(50)) }],
    ['an old time', { at: new Date(Date.now() - 600_000) }],
  ])('a webhook with %s has no effect', async (_, how) => {
    const to = openTill()
    const { status, body } = await sendWebhook(to, paidMessage(5), how)
    expect([status, body['type']]).toEqual([401, '/problems/unauthenticated'])
    expect(await readCents(to)).toBeUndefined()
  })

  test('a webhook that does not fit the schema, or has the id of another, is refused', async () => {
    const to = openTill()
    expect(await sendWebhook(to, { type: 'paid' })).toMatchObject({ status: 400, body: { errors: [{ pointer: '#/data' }] } })
    await sendWebhook(to, paidMessage(5))
    expect(await sendWebhook(to, paidMessage(6))).toMatchObject({
      status: 422,
      body: { type: '/problems/idempotency-key-reused' },
    })
  })

  test('a webhook answers 503 with Retry-After while the log does not answer', async () => {
    const store = memory()
    const to = app({ serve: [till], store, queue: { commands: 0 } })
    to.post('/webhooks/payments', receive(payments))
    cleanUpLater(() => to[spec].stop())
    const { status, headers } = await sendWebhook(to, paidMessage(5))
    expect([status, headers.get('retry-after')]).toEqual([503, '1'])
  })

  test('the webhooks of one app are appended by the inbox of another', async () => {
    const mirror = inbox('mirror', {
      message: z.object({ type: z.string(), subject: z.string(), data: z.object({ cents: z.int() }) }),
      command: ({ subject, data }) => till.pay(subject.slice('till-'.length), data),
      verify: standardWebhooks(SECRET),
    })
    const to = app({ serve: [till], store: memory() })
    to.post('/webhooks/mirror', receive(mirror))
    cleanUpLater(() => to[spec].stop())
    const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: to.fetch })
    const url = `http://127.0.0.1:${server.port}/webhooks/mirror`
    const from = await runtime({ serve: [till, webhooks('mirror', { from: Till, url, secrets: SECRET })] })
    let last = 0
    for (const cents of [1, 2, 3]) last = ((await from.send(till.pay('t', { cents }))) as { position: number }).position
    await untilProcessed(from, last)
    expect(await readCents(to)).toBe(6)
    await from.close()
    await server.stop(true)
  })
})

test('receive() throws for an inbox that verifies nothing', () => {
  const open = inbox('open', { message: z.object({ id: z.string() }), command: () => null })
  expect(() => receive(open)).toThrow('receive(open): anybody could send messages to this inbox')
})
