// Baggage goes with what a request leads to, and into no table.
import { afterEach, expect, test } from 'bun:test'
import { app } from '../../routes/app.ts'
import { processor } from '../definitions/processor.ts'
import { memory } from '../ports/store/memory.ts'
import { Notice } from '../ports/report/notice.ts'
import { runtime, startServices } from '../runtime.ts'
import { cleanUp, cleanUpLater } from '../test-support/cleanup.ts'
import { Counter, counter } from '../test-support/relays.ts'
import { tracing, useTracing } from '../test-support/tracing.ts'

useTracing()
afterEach(cleanUp)

/** Ends each counter that has counted, and tells with which baggage each event would be sent. */
function watched() {
  const found: (readonly [type: string, baggage: string | undefined])[] = []
  const ends = processor('ends', {
    from: Counter,
    handle: async ([event], { cloudEvent, send }) => {
      found.push([event!.type, cloudEvent(event!).baggage])
      if (event!.type === 'Counted') await send(event!, counter.end(event!.instance, {}))
    },
  })
  return { found, serve: [counter, ends] }
}

const BAGGAGE = 'tenant=blue,plan=free;until=2027'

test('baggage goes with an event to its command and to the events of that, and is nowhere in the log', async () => {
  const { found, serve } = watched()
  const store = memory()
  const emaki = await runtime({ serve, store, report: () => {} })
  cleanUpLater(() => emaki.close())
  await emaki.send(counter.count('c1', {}), { baggage: BAGGAGE })
  await emaki.append([{ stream: 'counter-c2', expect: 'any', events: [Counter.Ended({})] }], { baggage: BAGGAGE })
  await emaki.send(counter.end('c3', {}))
  await emaki.waitUntilProcessed(3)
  await emaki.waitUntilProcessed(4)
  expect(found.toSorted()).toEqual([
    ['Counted', BAGGAGE],
    ['Ended', undefined],
    ['Ended', BAGGAGE],
    ['Ended', BAGGAGE],
  ])
  expect(JSON.stringify(await store.readAll({ after: 0, limit: 10 }))).not.toContain('blue')
})

test('baggage of a scheduled command ends with its request: neither the agenda nor its events have it', async () => {
  const { found, serve } = watched()
  const store = memory()
  const emaki = await startServices({ serve, store, report: () => {} })
  cleanUpLater(() => emaki.close())
  const options = { baggage: BAGGAGE, correlation: 'of-a-caller' }
  const scheduled = await emaki.schedule.add(counter.end('c1', {}), options)
  const kept = await store.agenda.find((scheduled as { readonly id: string }).id.split('.')[0]!)
  expect([kept?.meta.includes('of-a-caller'), kept?.meta.includes('blue')]).toEqual([true, false])
  await emaki.waitUntilProcessed(1)
  expect(found).toEqual([['Ended', undefined]])
})

test('baggage comes in by HTTP, and a request whose baggage is malformed is answered all the same', async () => {
  const { found, serve } = watched()
  const told: string[] = []
  const report = (problem: unknown) => void (problem instanceof Notice && told.push(problem.code))
  const served = app({ serve, store: memory(), report, requestRecords: false })
  const emaki = await served.runtime()
  cleanUpLater(() => emaki.close())
  const post = (id: string, baggage: string) =>
    served.request(`/counter/${id}/end`, {
      method: 'POST',
      body: '{}',
      headers: { 'Content-Type': 'application/json', baggage },
    })
  for (const [id, baggage] of [
    ['c1', BAGGAGE],
    ['c2', 'no baggage at all'],
    ['c3', 'none either'],
  ] as const)
    expect((await post(id, baggage)).status).toBe(201)
  await emaki.waitUntilProcessed(3)
  expect(found).toEqual([
    ['Ended', BAGGAGE],
    ['Ended', undefined],
    ['Ended', undefined],
  ])
  expect(told.filter(code => code === 'baggage-ignored')).toHaveLength(1)
})

const MANY = Array.from({ length: 65 }, (_, n) => `k${n}=1`).join()

test.each([
  ['without telemetry', () => undefined],
  ['with telemetry', () => tracing.telemetry],
])('of baggage that is malformed in part the good members go on, and the others are told, %s', async (_, telemetryOf) => {
  const { found, serve } = watched()
  const told: string[] = []
  const report = (problem: unknown) => void (problem instanceof Notice && told.push(problem.code))
  const telemetry = telemetryOf()
  const served = app({ serve, store: memory(), report, requestRecords: false, ...(telemetry && { telemetry }) })
  const emaki = await served.runtime()
  cleanUpLater(() => emaki.close())
  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
  for (const [i, baggage] of ['tenant,plan=free,a=b c,=1', 'tenant=blue', MANY, 'tenant'].entries()) {
    const headers = { 'Content-Type': 'application/json', traceparent, baggage }
    expect((await served.request(`/counter/c${i}/end`, { method: 'POST', body: '{}', headers })).status).toBe(201)
    await emaki.waitUntilProcessed(i + 1)
  }
  await emaki.send(counter.end('sent', {}), { traceparent, baggage: 'tenant,plan=free' })
  await emaki.waitUntilProcessed(5)
  expect(found.map(([, baggage]) => baggage)).toEqual(['plan=free', 'tenant=blue', undefined, undefined, 'plan=free'])
  expect(told.filter(code => code === 'baggage-ignored')).toEqual(['baggage-ignored'])
})
