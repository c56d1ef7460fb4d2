import { afterAll, expect, test } from 'bun:test'
import { z } from 'zod'
import { app } from '../../routes/app.ts'
import { natsRelay } from '../adapters/nats/relay.ts'
import { webhooks } from '../adapters/webhooks/webhooks.ts'
import { readConfig } from '../config.ts'
import { spec } from '../definitions/event/events.ts'
import { inbox } from '../dispatch/inbox.ts'
import { memory } from '../ports/store/memory.ts'
import { runtime } from '../runtime.ts'
import { cleanUp, cleanUpLater } from '../test-support/cleanup.ts'
import { Counter, counter } from '../test-support/relays.ts'
import { buildFlow, drawFlow } from '../definitions/flow.ts'
import { shop } from '../test-support/fulfilment.ts'
import { runVerb } from '../test-support/run-verb.ts'
import { flowVerb, showFlow } from './flow.ts'
import { readCounts } from './flow-rates.ts'

afterAll(cleanUp)

const TOKEN = 'a-token-of-16-characters'

test('flow prints the flow of the served definitions as Mermaid, and as JSON where that is asked', async () => {
  const flow = buildFlow(shop)
  expect(await runVerb(flowVerb, { serve: shop })).toEqual({ code: 0, out: `${drawFlow(flow)}\n`, err: '' })
  expect(JSON.parse((await runVerb(flowVerb, { serve: shop, json: true })).out)).toEqual(flow)
})

const counts = inbox('counts', {
  message: z.object({ id: z.string() }),
  command: ({ id }) => counter.count(id, {}),
  source: { topic: 'A.>' },
})

/** What is drawn, line by line, with the names of nodes in place of their numbers. */
function readDrawn(out: string): readonly string[] {
  const names = new Map([...out.matchAll(/^ {2}(n\d+)\["(.*)"\]$/gm)].map(([, short, name]) => [short!, name!]))
  const lines = out.split('\n').filter(line => line.includes('-->'))
  return lines.map(line => line.trim().replaceAll(/n\d+/g, short => names.get(short)!))
}

test('flow names callers and inboxes that the log knows, and callers as one node where they are many', async () => {
  const store = memory()
  const emaki = await runtime({ serve: [counter], store })
  await counts.take(emaki, { id: 'c1' })
  await emaki.send(counter.count('c1', {}), { actor: 'shop' })
  const drawn = async () => readDrawn((await runVerb(flowVerb, { serve: [counter], store })).out)
  expect(await drawn()).toContain('inbox counts --> decider counter')
  expect(await drawn()).toContain('caller shop --> decider counter')
  for (let n = 0; n < 10; n++) await emaki.send(counter.count('c1', {}), { actor: `person ${n}` })
  expect(await drawn()).toContain('caller 11 callers --> decider counter')
  expect((await drawn()).join()).not.toContain('person')
  await emaki.close()
})

test('flow says on standard error that a log cannot be read, and draws what the definitions tell', async () => {
  const store = { ...memory(), head: () => Promise.reject(new Error('the disk is gone')) }
  const { code, out, err } = await runVerb(flowVerb, { serve: [counter], store })
  expect([code, err]).toEqual([0, 'the callers that the log names are left out: the disk is gone\n'])
  expect(readDrawn(out)).toContain('decider counter --> event counter.Counted')
})

/** A server with a relay to an endpoint that takes one message and refuses the next, and an inbox. */
async function serveRates() {
  const answers = [200, 503]
  const endpoint = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: () => new Response(null, { status: answers.shift() ?? 200 }),
  })
  cleanUpLater(() => endpoint.stop(true))
  const url = `http://someone:secret@127.0.0.1:${endpoint.port}/hooks/secret?key=secret`
  const partner = webhooks('partner', { from: Counter, url, secrets: `whsec_${btoa('x'.repeat(32))}`, report: () => {} })
  const serve = [counter, counts, partner]
  const store = memory()
  const served = app({ serve, store, config: readConfig({ NODE_ENV: 'production', ADMIN_TOKEN: TOKEN }), report: () => {} })
  await served[spec].start()
  cleanUpLater(() => served[spec].stop())
  const server = Bun.serve({ fetch: served.fetch, port: 0, hostname: '127.0.0.1' })
  cleanUpLater(() => server.stop(true))
  const config = readConfig({ PORT: String(server.port), ADMIN_TOKEN: TOKEN })
  return { serve, store, config, host: `127.0.0.1#58;${endpoint.port}`, emaki: await served.runtime() }
}

test('flow --rates draws how often each edge is gone along, between two scrapes of the server on PORT', async () => {
  const { serve, store, config, host, emaki } = await serveRates()
  let now = 0
  const pause = async (ms: number) => {
    for (let n = 0; n < 2; n++) await counts.take(emaki, { id: 'c1', n })
    await counts.take(emaki, { id: 'c2' })
    const { position } = (await emaki.send(counter.end('c3', {}))) as { readonly position: number }
    await emaki.waitUntilProcessed(position)
    now += ms
  }
  const run = async (call: Parameters<typeof showFlow>[0]) => showFlow(call, { pause, now: () => now })
  const values = { rates: true, seconds: '4' }
  const { code, out, err } = await runVerb({ ...flowVerb, run }, { serve, store, config, values })
  expect([code, err]).toEqual([0, ''])
  const drawn = readDrawn(out)
  const part = 'relay partner 0.75/s'
  expect(drawn).toEqual(
    expect.arrayContaining([
      'topic A.#62; -->|0.75/s| inbox counts 0.5/s',
      'command counter.count -->|0.75/s| decider counter',
      'command counter.end -->|0.25/s| decider counter',
      'decider counter -->|0.5/s| event counter.Counted',
      `event counter.Counted --> ${part}`,
      `${part} -->|0.75/s, 0.25/s failed| service ${host}`,
    ]),
  )
  expect(out).not.toMatch(/secret|someone/)
})

test('flow --rates says why it has none: no server, no access, seconds that are too many', async () => {
  const { serve, store, config } = await serveRates()
  const run = (values: object, more: object = {}) =>
    runVerb(flowVerb, { serve, store, config: { ...config, ...more }, values: { rates: true, ...values } })
  expect(await run({}, { PORT: 1 })).toMatchObject({ code: 1, out: '', err: expect.stringContaining('start it with serve') })
  const refused = await run({}, { ADMIN_TOKEN: 'another-token-of-characters' })
  expect(refused).toMatchObject({ code: 1, out: '', err: expect.stringContaining('the server answered 401') })
  await expect(run({ seconds: '61' })).rejects.toThrow('at most 60')
  await expect(run({ rates: undefined, seconds: '6' })).rejects.toThrow('for --rates')
})

test('a scrape is read with labels that hold quotation marks, braces and line ends', () => {
  const text = 'emaki_events_appended_total{emaki_event="a.\\"b\\n} 7"} 4\nprocess_uptime_seconds 2.5\n# TYPE other counter\n'
  expect([...readCounts(text)]).toEqual([
    ['event a."b\n} 7', 4],
    ['uptime', 2.5],
  ])
})

test('flow draws where a relay sends to by its subjects, and an inbox with its source', async () => {
  const relay = natsRelay('to-nats', { from: Counter, servers: 'nats://user:secret@127.0.0.1', stream: 'A' })
  const { out } = await runVerb(flowVerb, { serve: [counter, relay, counts] })
  expect(readDrawn(out)).toEqual(
    expect.arrayContaining([
      'event counter.Counted --> relay to-nats',
      'relay to-nats --> topic A.#62;',
      'topic A.#62; --> inbox counts',
    ]),
  )
  expect(out).not.toContain('secret')
})
