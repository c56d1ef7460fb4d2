// Webhooks to a real endpoint that verifies what it gets, and that is slow, down, wrong, full, gone, or dies with a message in hand.
import { afterEach, describe, expect, spyOn, test } from 'bun:test'
import { Webhook } from 'standardwebhooks'
import { processor } from '../../definitions/processor.ts'
import { type Runtime, runtime } from '../../runtime.ts'
import { memory } from '../../ports/store/memory.ts'
import type { Store } from '../../ports/store/store.ts'
import { type ReceivedEvent, Counter, counter, countUp, faultsOf } from '../../test-support/relays.ts'
import { HANG_MS, until } from '../../test-support/servers/until.ts'
import { webhooks } from './webhooks.ts'
import { untilProcessed } from '../../test-support/until-processed.ts'

const secretOf = (fill: number) => `whsec_${Buffer.alloc(32, fill).toString('base64')}`
const SECRET = secretOf(1)

const ending: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

type Message = ReceivedEvent & { readonly type: string; readonly contentType: string; readonly traceparent: string | null }
type Answer = (message: Message, count: number) => Response | Promise<Response>
const acceptMessage: Answer = () => new Response(null, { status: 204 })

/** An endpoint that believes only what is signed, and writes down what it was sent and what it has taken. */
function receiver(secret = SECRET) {
  const seen: Message[] = []
  const accepted: Message[] = []
  const refused: string[] = []
  const on = { answer: acceptMessage }
  const options = (port: number) => ({
    hostname: '127.0.0.1',
    port,
    development: false as const,
    fetch: async (request: Request) => {
      const body = await request.text()
      try {
        new Webhook(secret).verify(body, Object.fromEntries(request.headers))
      } catch (error) {
        refused.push(String(error))
        return new Response('who are you?', { status: 401 })
      }
      const { id, subject, data, type } = JSON.parse(body) as { id: string; subject: string; data: { n: number }; type: string }
      expect(request.headers.get('webhook-id')).toBe(id)
      const message = {
        id,
        stream: subject,
        n: data.n,
        type,
        contentType: request.headers.get('content-type')!,
        traceparent: request.headers.get('traceparent'),
      }
      seen.push(message)
      const response = await on.answer(message, seen.length)
      if (response.ok) accepted.push(message)
      return response
    },
  })
  let server = Bun.serve(options(0))
  const port = server.port!
  ending.push(() => server.stop(true))
  return {
    url: `http://127.0.0.1:${port}/hooks`,
    seen,
    accepted,
    refused,
    on,
    /** Cuts every connection, whatever is on it. */
    die: () => server.stop(true),
    live: () => {
      server = Bun.serve(options(port))
    },
  }
}

type Options = Partial<Parameters<typeof webhooks>[1]>
const hooksTo = (url: string, options: Options = {}) =>
  webhooks('partner', {
    from: Counter,
    url,
    secrets: SECRET,
    start: 'beginning',
    retry: { firstMs: 1, forMs: 1 },
    report: () => {},
    ...options,
  } as never)

async function startHooks(
  hooks: ReturnType<typeof hooksTo>,
  store: Store = memory(),
  more: readonly ReturnType<typeof processor>[] = [],
) {
  const emaki = await runtime({ serve: [counter, hooks, ...more], store, leaseMs: 60_000 })
  ending.push(() => emaki.close())
  return emaki
}
const untilSent = (emaki: Runtime, position: number) => untilProcessed(emaki, position, ['partner'])

describe('webhooks', () => {
  test('webhooks are signed CloudEvents, in the order of the log', async () => {
    const endpoint = receiver()
    const store = memory()
    const emaki = await startHooks(hooksTo(endpoint.url), store)
    await untilSent(emaki, await countUp(emaki, 5, 4))
    expect(faultsOf(endpoint.accepted, 5, 4)).toEqual({ lost: 0, doubled: 0, disordered: 0 })
    const stored = await store.readAll({ after: 0, limit: 100 })
    expect(endpoint.accepted.map(({ id }) => id)).toEqual(stored.map(({ id }) => id))
    expect(endpoint.accepted[0]).toMatchObject({
      type: 'counter.Counted',
      contentType: 'application/cloudevents+json; charset=utf-8',
    })
  })

  test('webhooks of a young event have its trace as a header, and those of an event that is sent late have none', async () => {
    const endpoint = receiver()
    let aheadMs = 0
    const emaki = await startHooks(hooksTo(endpoint.url, { now: () => Date.now() + aheadMs }))
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
    const send = async (id: string) => {
      const sent = await emaki.send(counter.count(id, {}), { traceparent })
      await untilSent(emaki, sent.outcome === 'accepted' ? sent.position : 0)
    }
    await send('c1')
    // A receiver looks at the time of a message, and refuses one that is five minutes ahead.
    aheadMs = 120_000
    await send('c2')
    expect(endpoint.seen.map(message => message.traceparent)).toEqual([traceparent, null])
  })

  test.each([
    ['the old secret', secretOf(2)],
    ['the new one', SECRET],
  ])('webhooks are accepted by a receiver that knows only %s while the secret is replaced', async (_, secret) => {
    const endpoint = receiver(secret)
    const emaki = await startHooks(hooksTo(endpoint.url, { secrets: [SECRET, secretOf(2)] }))
    await untilSent(emaki, await countUp(emaki, 1, 3))
    expect(endpoint.accepted).toHaveLength(3)
  })

  test('webhooks that are signed with another secret are refused, which parks their streams', async () => {
    const endpoint = receiver(secretOf(3))
    const emaki = await startHooks(hooksTo(endpoint.url))
    await untilSent(emaki, await countUp(emaki, 2, 2))
    expect(endpoint.accepted).toEqual([])
    expect(endpoint.refused[0]).toContain('No matching signature')
    const parked = await emaki.store.readModel.parked()
    expect(parked.map(({ key }) => key)).toEqual(['counter-c0', 'counter-c1'])
    expect(parked[0]!.cause).toContain('was expected to answer 2xx, found 401: who are you?')
  })

  test('webhooks wait for an endpoint that is down, and those to other endpoints do not', async () => {
    const endpoint = receiver()
    const reported: unknown[] = []
    const others: string[] = []
    const other = processor('other', { from: Counter, handle: ([event]) => others.push(event!.id) })
    const emaki = await startHooks(hooksTo(endpoint.url, { report: error => reported.push(error) }), memory(), [other as never])
    await endpoint.die()
    const last = await countUp(emaki, 4, 5)
    await untilProcessed(emaki, last, ['other'])
    await until('the outage is told', () => reported.length > 0)
    endpoint.live()
    await untilSent(emaki, last)
    expect(faultsOf(endpoint.accepted, 4, 5)).toEqual({ lost: 0, doubled: 0, disordered: 0 })
    expect(reported).toMatchObject([{ code: 'retry-began' }, { code: 'retry-ended' }])
    expect(await emaki.store.readModel.parked()).toEqual([])
  })

  test('webhooks are sent again, by the same id, when the endpoint dies with a message in hand', async () => {
    const endpoint = receiver()
    let deaths = 0
    endpoint.on.answer = async (message, count) => {
      if (count % 7 === 3 && deaths < 3) {
        deaths++
        endpoint.accepted.push(message)
        await endpoint.die()
        endpoint.live()
      }
      return acceptMessage(message, count)
    }
    const emaki = await startHooks(hooksTo(endpoint.url))
    await untilSent(emaki, await countUp(emaki, 4, 5))
    const faults = faultsOf(endpoint.seen, 4, 5)
    expect(faults).toEqual({ lost: 0, doubled: 3, disordered: 0 })
  })

  test('webhooks are sent again when the endpoint is slower than the deadline, and taken once it is not', async () => {
    const endpoint = receiver()
    endpoint.on.answer = async (message, count) => {
      if (count <= 2) await new Promise(resolve => ending.push(() => resolve(null)))
      return acceptMessage(message, count)
    }
    const emaki = await startHooks(hooksTo(endpoint.url, { deadlineMs: 100 }))
    await untilSent(emaki, await countUp(emaki, 1, 3))
    // A machine that is slow itself may have more of them sent again.
    expect(endpoint.seen.slice(0, 3).map(({ n }) => n)).toEqual([1, 1, 1])
    expect([...new Set(endpoint.accepted.map(({ n }) => n))]).toEqual([1, 2, 3])
  })

  test('webhooks come back when Retry-After says so', async () => {
    const endpoint = receiver()
    endpoint.on.answer = (message, count) =>
      count === 2 ? new Response('too many', { status: 429, headers: { 'Retry-After': '1' } }) : acceptMessage(message, count)
    const emaki = await startHooks(hooksTo(endpoint.url))
    const { setTimeout: real } = globalThis
    const after = (run: () => void, ms?: number) => real(run, ms === 1_000 ? 0 : ms)
    using waits = spyOn(globalThis, 'setTimeout').mockImplementation(after as typeof setTimeout)
    await untilSent(emaki, await countUp(emaki, 1, 3))
    expect(endpoint.seen.map(({ n }) => n)).toEqual([1, 2, 2, 3])
    expect(waits.mock.calls.map(([, ms]) => ms)).toContain(1_000)
  })

  test('webhooks park the stream of a message that is answered 500 again and again, and send it in order once unparked', async () => {
    const endpoint = receiver()
    endpoint.on.answer = (message, count) =>
      message.stream === 'counter-c1' && message.n >= 2 ? new Response('oh', { status: 500 }) : acceptMessage(message, count)
    const emaki = await startHooks(hooksTo(endpoint.url))
    await untilSent(emaki, await countUp(emaki, 3, 4))
    await until('it is parked', async () => (await emaki.store.readModel.parkedCounts())[0]?.keys === 1)
    expect(endpoint.accepted.filter(({ stream }) => stream === 'counter-c1').map(({ n }) => n)).toEqual([1])
    expect(endpoint.seen.filter(({ stream }) => stream === 'counter-c1').map(({ n }) => n)).toEqual([1, 2, 2, 2])
    expect(endpoint.accepted).toHaveLength(9)
    expect(await emaki.store.readModel.parked()).toMatchObject([
      { name: 'partner', kind: 'key', key: 'counter-c1', cause: expect.stringContaining('found 500: oh') },
    ])
    endpoint.on.answer = acceptMessage
    await emaki.store.readModel.unpark('partner')
    await until('all are taken', () => endpoint.accepted.length === 12)
    expect(faultsOf(endpoint.accepted, 3, 4)).toEqual({ lost: 0, doubled: 0, disordered: 0 })
  })

  test('webhooks stop at 410, keep their checkpoint, and go on from there after a restart', async () => {
    const endpoint = receiver()
    const store = memory()
    const reported: unknown[] = []
    endpoint.on.answer = (message, count) => (count >= 3 ? new Response(null, { status: 410 }) : acceptMessage(message, count))
    const first = await startHooks(hooksTo(endpoint.url, { report: error => reported.push(error), parallelism: 4 }), store)
    const last = await countUp(first, 1, 5)
    await until('it is told', () => reported.length > 0)
    await countUp(first, 3, 2, 1)
    expect(endpoint.seen).toHaveLength(3)
    expect(String(reported[0])).toContain("webhooks('partner') sends nothing more until the process starts again")
    expect(await store.readModel.parked()).toEqual([])
    await ending.pop()!()
    expect(endpoint.seen).toHaveLength(3)
    endpoint.on.answer = acceptMessage
    const second = await startHooks(hooksTo(endpoint.url), store)
    await untilSent(second, last + 6)
    expect(faultsOf(endpoint.accepted.slice(0, -6), 1, 5)).toMatchObject({ lost: 0, disordered: 0 })
  })

  test('webhooks follow no redirect', async () => {
    const elsewhere = receiver()
    const endpoint = receiver()
    endpoint.on.answer = () => new Response(null, { status: 307, headers: { Location: elsewhere.url } })
    const emaki = await startHooks(hooksTo(endpoint.url))
    await untilSent(emaki, await countUp(emaki, 1, 1))
    expect(elsewhere.seen).toEqual([])
    expect(await emaki.store.readModel.parked()).toMatchObject([{ key: 'counter-c0' }])
  })

  test('webhooks keep each stream in order when several are sent side by side', async () => {
    const endpoint = receiver()
    let under = 0
    const two = Promise.withResolvers<void>()
    endpoint.on.answer = async (message, count) => {
      if (++under > 1) two.resolve()
      await two.promise
      under--
      return count % 9 === 5 ? new Response(null, { status: 503 }) : acceptMessage(message, count)
    }
    const store = memory()
    const before = await runtime({ serve: [counter], store })
    const last = await countUp(before, 16, 5)
    await untilSent(await startHooks(hooksTo(endpoint.url, { parallelism: 8, deadlineMs: HANG_MS }), store), last)
    expect(faultsOf(endpoint.accepted, 16, 5)).toEqual({ lost: 0, doubled: 0, disordered: 0 })
  })
})

describe('webhooks()', () => {
  test.each([
    [{ url: 'ftp://example.com' }, "webhooks('partner'): no endpoint is at ftp://example.com"],
    [{ url: 'example' }, 'no endpoint is at example'],
    [{ secrets: 'secret' }, 'a secret is whsec_'],
    [{ secrets: [] }, 'no secret is given'],
  ])('webhooks() refuses %p', (options, message) => {
    expect(() => hooksTo('http://127.0.0.1', options)).toThrow(message)
  })
})
