import { afterEach, expect, test } from 'bun:test'
import { cleanUp, cleanUpLater } from '../../test-support/cleanup.ts'
import { LatencyHistogram } from './histogram.ts'
import { isLimit, load, StepTallies } from './load.ts'
import { runLoad } from './run-load.ts'

afterEach(cleanUp)

/** A clock that stands until all that is runnable has run, and then goes to who wakes first. */
function virtualClock() {
  let time = 0
  const sleepers: { readonly at: number; readonly wake: () => void }[] = []
  const sleepUntil = (at: number) => new Promise<void>(wake => void sleepers.push({ at, wake }))
  const drive = async (work: Promise<unknown>) => {
    let isOver = false
    void work.finally(() => (isOver = true))
    for (;;) {
      await new Promise(setImmediate)
      if (isOver) return
      const next = sleepers.toSorted((a, b) => a.at - b.at)[0]!
      sleepers.splice(sleepers.indexOf(next), 1)
      time = Math.max(time, next.at)
      next.wake()
    }
  }
  const pass = (ms: number) => {
    time += ms
  }
  return { now: () => time, sleepUntil, drive, pass }
}

test('a server that stalls 1 s every 10 s has a p99 of 900 ms and more from due times, and 1 ms from sending times', async () => {
  const { now, sleepUntil, drive } = virtualClock()
  const ask = async () => {
    const stalledUntil = now() % 10_000 < 1_000 ? Math.floor(now() / 10_000) * 10_000 + 1_000 : now()
    await sleepUntil(stalledUntil + 1)
    return new Response('{}')
  }
  const tally = new StepTallies()
  const schedule = { users: 1, rate: 100, ms: 20_000 }
  const running = runLoad([user => user.get('/orders')], schedule, { now, sleepUntil, ask }, step => tally.add(step))
  await drive(running)
  const { count, p99Ms, serviceP99Ms } = tally.report()['GET /orders']!
  expect(count).toBe(2_000)
  expect(p99Ms).toBeGreaterThanOrEqual(900)
  expect(serviceP99Ms).toBeLessThan(2)
})

test('a generator that is busy for longer than the gap between journeys is late, and not the server', async () => {
  const { now, sleepUntil, drive, pass } = virtualClock()
  const busy = () => Promise.resolve(pass(50))
  const ask = async () => new Response('{}')
  const running = runLoad([busy], { users: null, rate: 100, ms: 1_000 }, { now, sleepUntil, ask }, () => {})
  await drive(running)
  expect((await running).lag.quantile(0.99)).toBeGreaterThan(1_000)
})

test('quantiles of a histogram are those of the durations, at most 0.6 % too high', () => {
  const histogram = new LatencyHistogram()
  for (let ms = 1; ms <= 10_000; ms++) histogram.add(ms)
  for (const share of [0.001, 0.5, 0.99, 1]) {
    const ratio = histogram.quantile(share) / (share * 10_000)
    expect(ratio).toBeGreaterThanOrEqual(1 - 1e-9)
    expect(ratio).toBeLessThan(1.006)
  }
})

test('a load on a server counts outcomes by problem type, and reads at the position of the answer before', async () => {
  const asked: (string | null)[] = []
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: request => {
      asked.push(request.headers.get('Min-Position'))
      if (request.method === 'POST') return new Response('{}', { status: 201, headers: { 'Event-Position': '7' } })
      return Response.json({ type: 'https://example.com/problems/parked' }, { status: 503 })
    },
  })
  cleanUpLater(() => server.stop(true))
  const journey = async (user: Parameters<Parameters<typeof load>[0][number]>[0]) => {
    await user.post('/orders/o1', {})
    await user.get('/orders/o1')
  }
  const found = await load([journey], { at: server.url.href, users: 2, think: '1 second', for: '1 second' })
  expect(found).toMatchObject({ rate: 2, journeys: 2, errors: 0.5 })
  expect(found.steps['POST /orders/…']?.outcomes).toEqual({ '201': 2 })
  expect(found.steps['GET /orders/…']?.outcomes).toEqual({ '503 parked': 2 })
  expect(asked.toSorted()).toEqual([null, null, '7', '7'].toSorted())
})

test('a load throws what its journey throws', async () => {
  const running = load([async () => Promise.reject(new RangeError('wrong'))], {
    at: 'http://127.0.0.1:1',
    rate: 1,
    for: '1 second',
  })
  expect(await running.catch((error: unknown) => error)).toEqual(new RangeError('wrong'))
})

test('figures of a generator that wakes up late, or uses its whole core, are undecided', () => {
  expect([isLimit(10, 0.9), isLimit(10.1, 0), isLimit(0, 0.91)]).toEqual([false, true, true])
})
