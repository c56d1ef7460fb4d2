// What relays have in common, on a clock of the test's own: whom an outage holds up, and in which order things are delivered.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { processor } from '../../definitions/processor.ts'
import { startServices } from '../../runtime.ts'
import { Counter, counter, countUp } from '../../test-support/relays.ts'
import { seriesOf } from '../../test-support/series.ts'
import { freePort } from '../../test-support/servers/free-port.ts'
import { until } from '../../test-support/servers/until.ts'
import { webhooks } from '../webhooks/webhooks.ts'
import { Breaker, Busy, DeliveryRefused } from './breaker.ts'
import { deliverInOrder } from './in-order.ts'
import { oncePerRun } from './per-run.ts'

/** A breaker whose pauses are written down and end when the test says so. */
function buildBreaker() {
  const stop = new AbortController()
  const slept: { readonly ms: number; readonly wake: () => void }[] = []
  const reported: unknown[] = []
  const sleep = (ms: number, signal: AbortSignal) =>
    new Promise<void>(resolve => {
      slept.push({ ms, wake: resolve })
      signal.addEventListener('abort', () => resolve())
    })
  const breaker = new Breaker({
    relay: 'to-receiver',
    signal: stop.signal,
    receiver: 'the receiver',
    report: error => reported.push(error),
    sleep,
    random: () => 1,
  })
  const settle = async () => {
    for (let i = 0; i < 20; i++) await Promise.resolve()
  }
  /** Wakes who sleeps, and tells for how long. */
  const pass = async () => {
    await settle()
    const woken = slept.splice(0)
    for (const { wake } of woken) wake()
    await settle()
    return woken.map(({ ms }) => ms)
  }
  return { breaker, pass, reported, stop, settle }
}

describe('a breaker', () => {
  test('a breaker repeats a delivery until it is taken, later each time, and reports an outage once', async () => {
    const { breaker, pass, reported } = buildBreaker()
    let attempts = 0
    const delivered = breaker.deliver(async () => {
      if (++attempts <= 3) throw new Error(`down ${attempts}`)
      return 'taken'
    })
    expect([await pass(), await pass(), await pass(), await pass()]).toEqual([[50], [100], [200], []])
    expect(await delivered).toBe('taken')
    expect(reported).toMatchObject([
      { code: 'retry-began', cause: new Error('down 1') },
      { code: 'retry-ended', fields: { failures: 3 } },
    ])
  })

  test('a breaker repeats one delivery while the others wait, and lets them pass once that one is taken', async () => {
    const { breaker, pass, reported, settle } = buildBreaker()
    let isDown = true
    const attempts: number[] = []
    const all = Array.from({ length: 100 }, (_, i) =>
      breaker.deliver(async () => {
        attempts.push(i)
        if (isDown) throw new Error('down')
      }),
    )
    await settle()
    expect(attempts).toHaveLength(100)
    expect(await pass()).toEqual([50])
    expect(await pass()).toEqual([100])
    expect(attempts).toHaveLength(102)
    isDown = false
    await pass()
    await Promise.all(all)
    expect(attempts).toHaveLength(202)
    expect(reported).toMatchObject([{ code: 'retry-began' }, { code: 'retry-ended' }])
  })

  test('a breaker never pauses longer than ten seconds, unless the receiver asks for more', async () => {
    const { breaker, pass, stop } = buildBreaker()
    let attempts = 0
    const busy = [0, 0, 0, 0, 0, 0, 0, 0, 0, 20_000, 10_000_000, 0]
    const delivered = breaker.deliver(async () => {
      const retryAfterMs = busy[attempts++]
      throw retryAfterMs ? new Busy('busy', retryAfterMs) : new Error('down')
    })
    const pauses: number[] = []
    for (let i = 0; i < 12; i++) pauses.push(...(await pass()))
    expect(pauses).toEqual([50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 20_000, 3_600_000, 10_000])
    stop.abort(new Error('stopped'))
    expect(delivered).rejects.toThrow('stopped')
  })

  test('a breaker gives back a refused delivery at once, the first or the last, and lets the others pass', async () => {
    const { breaker, pass, reported } = buildBreaker()
    expect(breaker.deliver(async () => Promise.reject(new DeliveryRefused('too large')))).rejects.toThrow('too large')
    expect(reported).toEqual([])
    let attempts = 0
    const refused = breaker.deliver(async () => {
      throw attempts++ ? new DeliveryRefused('too large') : new Error('down')
    })
    let isDown = true
    const other = breaker.deliver(async () => {
      if (isDown) throw new Error('down')
      return 'taken'
    })
    refused.catch(() => {})
    isDown = false
    await pass()
    expect(refused).rejects.toThrow('too large')
    await pass()
    expect(await other).toBe('taken')
  })

  test('a breaker ends all waits when it is stopped', async () => {
    const { breaker, settle, stop } = buildBreaker()
    const all = Array.from({ length: 10 }, () => breaker.deliver(async () => Promise.reject(new Error('down'))))
    const settled = Promise.allSettled(all)
    await settle()
    stop.abort(new Error('stopped'))
    expect((await settled).map(one => (one as PromiseRejectedResult).reason.message)).toEqual(Array(10).fill('stopped'))
  })
})

describe('deliverInOrder', () => {
  const items = fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c'), fails: fc.boolean(), turns: fc.nat(5) }), {
    maxLength: 30,
  })

  test('deliverInOrder delivers each key in order and none behind a failure of its key, and leaves nothing on its way', async () => {
    await fc.assert(
      fc.asyncProperty(items, async all => {
        const under = new Set<string>()
        const done: (typeof all)[number][] = []
        const failing = deliverInOrder(
          all,
          ({ key }) => key,
          async one => {
            if (under.has(one.key)) throw new Error(`${one.key} twice at once`)
            under.add(one.key)
            for (let i = 0; i < one.turns; i++) await Promise.resolve()
            under.delete(one.key)
            if (one.fails) throw new Error('failed')
            done.push(one)
          },
        ).then(
          () => null,
          error => String(error),
        )
        const found = await failing
        expect(under.size).toBe(0)
        expect(found).toBe(all.some(({ fails }) => fails) ? 'Error: failed' : null)
        for (const key of ['a', 'b', 'c']) {
          const of = all.filter(one => one.key === key)
          const until = of.findIndex(({ fails }) => fails)
          expect(done.filter(one => one.key === key)).toEqual(until < 0 ? of : of.slice(0, until))
        }
      }),
    )
  })
})

test('oncePerRun makes one thing for each run', () => {
  const startRun = oncePerRun(signal => ({ signal }))
  const [one, other] = [new AbortController().signal, new AbortController().signal]
  expect(startRun(one)).toBe(startRun(one))
  expect(startRun(one)).not.toBe(startRun(other))
})

test('the attempts of a relay that an app runs are measured by their end, and its receiver is open to see while it is away', async () => {
  const outage = Promise.withResolvers<void>()
  const answers = ['away', 'away', 'refused', 'taken']
  const relay = processor('to-receiver', {
    from: Counter,
    retry: { forMs: 0 },
    attemptMs: null,
    handle: async (_, { signal }) => {
      const breaker = new Breaker({ relay: 'to-receiver', signal, receiver: 'x', report: () => {}, sleep: () => outage.promise })
      const attempt = async () => {
        const answer = answers.shift()
        if (answer === 'refused') throw new DeliveryRefused('never')
        if (answer === 'away') throw new Error('away')
      }
      await breaker.deliver(attempt).catch(() => breaker.deliver(attempt))
    },
  })
  const emaki = await startServices({ serve: [counter, relay], report: () => {} })
  try {
    const position = await countUp(emaki, 1, 1)
    const open = () => seriesOf(emaki.metrics, 'emaki.delivery.open')
    await until('it is away', async () => (await open())['to-receiver'] === 1)
    outage.resolve()
    expect(await emaki.waitUntilProcessed(position, undefined, 60_000)).toBeTrue()
    expect(await open()).toEqual({ 'to-receiver': 0 })
    const counted = await seriesOf(emaki.metrics, 'emaki.delivery.duration')
    expect(counted).toEqual({ 'to-receiver failed': 2, 'to-receiver refused': 1, 'to-receiver done': 1 })
  } finally {
    await emaki.close()
  }
})

test('an outage of a relay is told to the report of its app, and counted for the subscription', async () => {
  const told: unknown[] = []
  const url = `http://127.0.0.1:${freePort()}/`
  const relay = webhooks('partner', { from: Counter, url, secrets: `whsec_${Buffer.alloc(32, 1).toString('base64')}` })
  const emaki = await startServices({ serve: [counter, relay], report: problem => told.push(problem) })
  try {
    await countUp(emaki, 1, 1)
    await until('it is told', () => told.length > 0)
    expect(told).toMatchObject([{ code: 'retry-began', fields: { subscription: 'partner', part: 'relay' } }])
    expect(await seriesOf(emaki.metrics, 'emaki.retry.open')).toEqual({ partner: 1 })
  } finally {
    await emaki.close()
  }
})
