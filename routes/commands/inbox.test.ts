// Webhooks in: what is not signed has no effect, what is repeated has one, and senders learn whether to repeat.
import { afterEach, describe, expect, test } from 'bun:test'
import { Webhook } from 'standardwebhooks'
import { z } from 'zod'
import { decider } from '../../src/definitions/decider/decider.ts'
import { reject } from '../../src/definitions/decider/reject.ts'
import { events, spec } from '../../src/definitions/event/events.ts'
import { inbox } from '../../src/dispatch/inbox.ts'
import { runtime } from '../../src/runtime.ts'
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

const stopping: App[] = []
afterEach(async () => {
  for (const one of stopping.splice(0)) await one[spec].stop()
})
function serving(): App {
  const served = app({ serve: [till], store: memory() })
  served.post('/webhooks/payments', receive(payments))
  stopping.push(served)
  return served
}

type Sent = { readonly id?: string; readonly secret?: string; readonly at?: Date; readonly body?: string }
async function sent(
  to: App,
  message: object,
  { id = 'm1', secret = SECRET, at = new Date(), body = JSON.stringify(message) }: Sent = {},
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
const paid = (cents: number) => ({ type: 'paid', data: { till: 't', cents } })
const centsOf = async (from: App) => ((await (await from.request('/till/t')).json()) as { cents?: number }).cents

describe('a webhook', () => {
  test('has one effect and one answer, however often it is sent', async () => {
    const to = serving()
    const answers = await Promise.all(Array.from({ length: 20 }, () => sent(to, paid(5))))
    answers.push(await sent(to, paid(5), { at: new Date(Date.now() + 10_000), secret: OTHER }))
    for (const { status, body } of answers)
      expect([status, body]).toEqual([200, { outcome: 'accepted', stream: 'till-t', version: 1, position: 1 }])
    expect(answers.filter(({ replayed }) => replayed === null)).toHaveLength(1)
    expect(await centsOf(to)).toBe(5)
  })

  test('that is rejected is done with, and rejected again', async () => {
    const to = serving()
    const answers = [await sent(to, paid(500)), await sent(to, paid(500))]
    for (const { status, body } of answers)
      expect([status, body]).toEqual([200, { outcome: 'rejected', code: 'too-much', data: { cents: 500 } }])
    expect(answers.map(({ replayed }) => replayed)).toEqual([null, 'true'])
  })

  test('that leads to nothing is done with', async () => {
    const { status, body } = await sent(serving(), { ...paid(5), type: 'refunded' })
    expect([status, body]).toEqual([200, { outcome: 'ignored' }])
  })

  test.each([
    ['another secret', { secret: `whsec_${Buffer.alloc(32, 3).toString('base64')}` }],
    ['another body', { body: JSON.stringify(paid(50)) }],
    ['an old time', { at: new Date(Date.now() - 600_000) }],
  ])('has no effect with %s', async (_, how) => {
    const to = serving()
    const { status, body } = await sent(to, paid(5), how)
    expect([status, body['type']]).toEqual([401, '/problems/unauthenticated'])
    expect(await centsOf(to)).toBeUndefined()
  })

  test('is refused where it does not fit, and where its id was that of another', async () => {
    const to = serving()
    expect(await sent(to, { type: 'paid' })).toMatchObject({ status: 400, body: { errors: [{ pointer: '#/data' }] } })
    await sent(to, paid(5))
    expect(await sent(to, paid(6))).toMatchObject({ status: 422, body: { type: '/problems/idempotency-key-reused' } })
  })

  test('is to come again while the log does not answer', async () => {
    const store = memory()
    const to = app({ serve: [till], store, queue: { commands: 0 } })
    to.post('/webhooks/payments', receive(payments))
    stopping.push(to)
    const { status, headers } = await sent(to, paid(5))
    expect([status, headers.get('retry-after')]).toEqual([503, '1'])
  })

  test('goes from the webhooks of one app to the inbox of another', async () => {
    const mirror = inbox('mirror', {
      message: z.object({ type: z.string(), subject: z.string(), data: z.object({ cents: z.int() }) }),
      command: ({ subject, data }) => till.pay(subject.slice('till-'.length), data),
      verify: standardWebhooks(SECRET),
    })
    const to = app({ serve: [till], store: memory() })
    to.post('/webhooks/mirror', receive(mirror))
    stopping.push(to)
    const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: to.fetch })
    const url = `http://127.0.0.1:${server.port}/webhooks/mirror`
    const from = await runtime({ serve: [till, webhooks('mirror', { from: Till, url, secrets: SECRET })] })
    let last = 0
    for (const cents of [1, 2, 3]) last = ((await from.send(till.pay('t', { cents }))) as { position: number }).position
    await untilProcessed(from, last)
    expect(await centsOf(to)).toBe(6)
    await from.close()
    await server.stop(true)
  })
})

test('an inbox that verifies nothing is not mounted', () => {
  const open = inbox('open', { message: z.object({ id: z.string() }), command: () => null })
  expect(() => receive(open)).toThrow('receive(open): anybody could send messages to this inbox')
})
