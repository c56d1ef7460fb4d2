// A processor by a clock of the test's own: what fails is tried again beside the others, in order, and in the end parked.
import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { SentTooEarly } from '../definitions/decider/sent-too-early.ts'
import { events, type Recorded, spec } from '../definitions/event/events.ts'
import { type Handling, processor, type RetryPolicy } from '../definitions/processor.ts'
import type { Notice } from '../ports/report/notice.ts'
import { memory } from '../ports/store/memory.ts'
import type { Store } from '../ports/store/store.ts'
import { until } from '../test-support/servers/until.ts'
import { ProcessorRunner } from './processor-runner.ts'

const Mail = events('mail', { Queued: z.object({ to: z.string() }) })
const DAY_MS = 86_400_000
const TTL_MS = 60_000
type Handle = (events: readonly Recorded[], handling: Handling) => unknown
type Options = {
  readonly store?: Store
  readonly retry?: Partial<RetryPolicy>
  readonly parallelism?: number
  readonly batchSize?: number
  readonly startAt?: number
  readonly random?: () => number
  /** Whether a pause lasts until the end of the runner, instead of moving the clock at once. */
  readonly isWaiting?: boolean
}

const toOf = (event: Recorded | undefined) => (event!.data as { to: string }).to

function queueMails(store: Store, ...to: readonly string[]): Promise<void> {
  return queueWithMeta(store, '{}', ...to)
}

async function queueWithMeta(store: Store, meta: string, ...to: readonly string[]): Promise<void> {
  const { fingerprint: schema } = Mail[spec].types.get('Queued')!
  const mails = to.map(to => ({ id: Bun.randomUUIDv7(), type: 'Queued', schema, data: JSON.stringify({ to }), meta }))
  await store.append([{ slices: [{ stream: 'mail-1', expect: 'any', events: mails }], keys: [] }])
}

/** A runner of a processor whose key is the receiver, under a lease of its own, on a clock that only its pauses move. */
async function startRunner(handle: Handle, options: Options = {}) {
  const {
    store = memory(),
    retry,
    parallelism = 1,
    batchSize = 1,
    startAt = 1_000_000,
    isWaiting = false,
    random = () => 1,
  } = options
  let now = startAt
  const waits: number[] = []
  const reported: Notice[] = []
  const sleep = async (ms: number, signal: AbortSignal) => {
    waits.push(ms)
    if (isWaiting) return new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()))
    now += ms
    await Promise.resolve()
  }
  const key = (event: Recorded) => toOf(event)
  const mails = processor('mails', {
    ...{ from: Mail, key, parallelism, batchSize, attemptMs: null, handle: handle as never },
    ...(retry && { retry }),
  })
  const runner = new ProcessorRunner(store, mails[spec], {
    ...{ sleep, now: () => now, random, send: async () => null, reads: () => ({}) as never },
    report: problem => reported.push(problem as Notice),
  })
  const lease = (await store.readModel.acquire('mails', { owner: 'o', ttlMs: TTL_MS, start: 0 }))!
  await runner.begin(lease)
  let saved = lease.position
  const guardTo = (to: number) => ({ name: 'mails', epoch: lease.epoch, from: saved, to, ttlMs: TTL_MS })
  const save = async (to = saved) => {
    expect(await runner.save(guardTo(to))).toBeTrue()
    saved = to
  }
  /** Handles the next events, as a subscription does, and makes them durable. */
  const handlePage = async (limit = 100) => {
    const page = await store.readAll({ after: saved, limit })
    await runner.handle(page, null)
    await save(page.at(-1)!.position)
  }
  const retryParked = () => runner.retryParked(guardTo(saved))
  const parked = () => store.readModel.parked('mails')
  return { store, runner, waits, reported, save, handlePage, retryParked, parked, now: () => now }
}

/** A runner whose handler fails until `mend`, and the positions that it has handled since. Its pauses last. */
async function startDown() {
  const handled: number[] = []
  let isDown = true
  const handle: Handle = ([event]) => {
    if (isDown) throw new Error('down')
    handled.push(event!.position)
  }
  const mend = () => {
    isDown = false
  }
  return { ...(await startRunner(handle, { isWaiting: true })), handled, mend }
}

const failFor =
  (key: string): Handle =>
  ([event]) => {
    if (toOf(event) === key) throw new Error('the mail server is away')
  }

describe('a processor whose handler fails', () => {
  test('a processor whose handler fails tries for a day, at most 5 minutes apart, then parks the key and says so', async () => {
    const started = await startRunner(failFor('a'))
    await queueMails(started.store, 'a')
    await started.handlePage()
    await until('the key is parked', async () => {
      await started.save()
      return (await started.parked())[0]?.again === null
    })
    const { waits, reported } = started
    expect(waits.slice(0, 13)).toEqual([
      ...[100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 51_200],
      ...[102_400, 204_800, 300_000],
    ])
    expect(Math.max(...waits)).toBe(300_000)
    expect(waits.reduce((sum, ms) => sum + ms, 0)).toBeWithin(DAY_MS, DAY_MS + 300_001)
    expect(await started.parked()).toMatchObject([{ key: 'a', position: 1, cause: 'Error: the mail server is away' }])
    expect(reported.map(({ code }) => code)).toEqual(['retry-began', 'retry-ended', 'key-parked'])
    expect(reported[2]).toMatchObject({
      level: 'warn',
      message: expect.stringContaining('`emaki unpark mails a`'),
      fields: { subscription: 'mails', kind: 'key', key: 'a', position: 1, reason: 'Error: the mail server is away' },
    })
  })

  test('a processor whose handler fails pauses at random, from not at all up to the bound', async () => {
    const chances = [0.5, 0, 0.25]
    const random = () => chances.shift() ?? 0.9
    const started = await startRunner(failFor('a'), { random, retry: { firstMs: 1_000, forMs: 1_000 } })
    await queueMails(started.store, 'a')
    await started.handlePage()
    await until('it is given up', () => started.reported.length === 2)
    expect(started.waits).toEqual([500, 0, 1_000])
  })

  test('a processor whose command came too early sends it again after the time that the decision asks for', async () => {
    const early = new SentTooEarly({ decider: 'door', command: 'enter', id: 'd1', data: {} }, 'shut', 60_000)
    const errors = [early, new Error('away'), early]
    const started = await startRunner(() => {
      const error = errors.shift()
      if (error) throw error
    })
    await queueMails(started.store, 'a')
    await started.handlePage()
    await until('it is sent', () => started.reported.length === 2)
    expect(started.waits).toEqual([60_000, 200, 60_000])
    expect(started.reported[0]?.message).toContain('door.enter d1 came too early (shut)')
  })

  test('a processor whose handler fails for an hour loses nothing, and reports the outage once with its end', async () => {
    const sent: string[] = []
    const started = await startRunner(
      ([event]) => {
        if (started.now() < 1_000_000 + 3_600_000) throw new Error('away')
        sent.push(toOf(event))
      },
      { parallelism: 4 },
    )
    await queueMails(started.store, 'a', 'b', 'c', 'a')
    await started.handlePage()
    await until('all are sent', () => sent.length === 4)
    await started.save()
    expect(sent.toSorted()).toEqual(['a', 'a', 'b', 'c'])
    expect(await started.parked()).toEqual([])
    expect(started.reported.map(({ code }) => code)).toEqual(['retry-began', 'retry-ended'])
  })

  test('a processor whose handler fails goes on with the day of an earlier owner, but makes three attempts of its own', async () => {
    const first = await startRunner(failFor('a'), { isWaiting: true })
    await queueMails(first.store, 'a')
    await first.handlePage()
    await first.runner.end()
    expect(await first.parked()).toMatchObject([{ key: 'a', again: 'whole', at: new Date(1_000_000).toISOString() }])
    let attempts = 0
    const fail: Handle = () => {
      attempts++
      throw new Error('still away')
    }
    const { store } = first
    const second = await startRunner(fail, { store, startAt: 1_000_000 + 2 * DAY_MS })
    await second.retryParked()
    await until('it is given up', () => attempts === 3 && second.runner.hasParked())
    await until('it is parked', async () => {
      await second.save()
      return (await second.parked())[0]?.again === null
    })
    expect([attempts, await second.parked()]).toMatchObject([3, [{ key: 'a', cause: 'Error: still away' }]])
  })

  test('a processor whose handler fails parks the key after the first failure where its policy says so', async () => {
    const started = await startRunner(failFor('a'), { retry: { forMs: 0 } })
    await queueMails(started.store, 'a', 'b')
    await started.handlePage()
    expect(await started.parked()).toMatchObject([{ key: 'a', again: null }])
    expect(started.reported.map(({ code, cause }) => [code, (cause as Error).stack?.split('\n')[0]])).toEqual([
      ['key-parked', expect.any(String)],
    ])
  })
})

describe('a key in retry', () => {
  test('a key in retry holds up no other key, on its page or on later ones, whose events are handled once each', async () => {
    const handled: string[] = []
    const handle: Handle = ([event]) => {
      if (toOf(event) === 'bad') throw new Error('no such address')
      handled.push(toOf(event))
    }
    const keys = ['a', 'b', 'c', 'bad', 'd', 'e', 'f', 'g']
    const started = await startRunner(handle, { parallelism: 8, isWaiting: true })
    for (let page = 0; page < 5; page++) await queueMails(started.store, ...keys)
    for (let page = 0; page < 5; page++) await started.handlePage(8)
    expect(handled.toSorted()).toEqual(keys.filter(key => key !== 'bad').flatMap(key => Array<string>(5).fill(key)))
    expect(started.waits).toEqual([100])
    expect((await started.store.readModel.progress(['mails']))[0]?.position).toBe(40)
    await started.runner.end()
  })

  test('a key in retry is handled in order by the next owner after a crash, and nothing else is handled again', async () => {
    const first = await startRunner(failFor('bad'), { parallelism: 8, isWaiting: true })
    await queueMails(first.store, 'a', 'bad', 'b', 'bad')
    await first.handlePage()
    await queueMails(first.store, 'bad', 'c')
    // The first owner is not asked again.
    const handled: string[] = []
    const second = await startRunner(([event]) => handled.push(`${toOf(event)}${event!.position}`), { store: first.store })
    await second.handlePage()
    expect(handled).toEqual(['c6'])
    await second.retryParked()
    await until('all are handled', () => handled.length === 4)
    expect(handled).toEqual(['c6', 'bad2', 'bad4', 'bad5'])
    await second.save()
    expect(await second.parked()).toEqual([])
  })

  test('a key in retry goes on in order from where it is, and its place is durable after each event', async () => {
    const handled: number[] = []
    let failures = 0
    const started = await startRunner(([event]) => {
      if (event!.position % 2 === 1 && failures++ % 3 < 2) throw new Error('now and then')
      handled.push(event!.position)
    })
    await queueMails(started.store, 'k', 'k', 'k', 'k', 'k', 'k')
    await started.handlePage(2)
    await started.handlePage(2)
    await started.handlePage(2)
    await until('all are handled', () => handled.length === 6)
    expect(handled).toEqual([1, 2, 3, 4, 5, 6])
    await started.save()
    expect([await started.parked(), started.runner.hasParked()]).toEqual([[], false])
  })

  test('a key in retry whose events take too much memory takes the rest from the log, in order and once each', async () => {
    const { handled, mend, ...started } = await startDown()
    const long = JSON.stringify({ actor: 'x'.repeat(3_000_000) })
    for (let i = 0; i < 8; i++) await queueWithMeta(started.store, long, 'k')
    for (const limit of [4, 4]) await started.handlePage(limit)
    mend()
    await started.store.readModel.unpark('mails')
    await started.retryParked()
    await until('all are handled', () => handled.length === 8)
    expect(handled).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })

  test('a key in retry is tried at once where somebody asks for it, and passes over an event that is skipped', async () => {
    const { handled, mend, ...started } = await startDown()
    await queueMails(started.store, 'a', 'a', 'b', 'b')
    await started.handlePage()
    mend()
    await started.store.readModel.unpark('mails', 'a')
    await started.retryParked()
    await until('a is handled', () => handled.length === 2)
    expect(handled).toEqual([1, 2])
    // What is handled, but not durable yet, is not begun again.
    await started.retryParked()
    await started.store.readModel.unpark('mails', 'b', 'skip')
    await started.retryParked()
    await until('b is handled', () => handled.length === 3)
    expect(handled).toEqual([1, 2, 4])
    await started.runner.end()
  })

  test('the keys of a failed batch are tried again each by itself, so that only the one that fails waits', async () => {
    const batches: string[][] = []
    const started = await startRunner(
      events => {
        batches.push(events.map(toOf))
        if (events.some(event => toOf(event) === 'bad')) throw new Error('refused')
      },
      { batchSize: 4, isWaiting: true },
    )
    await queueMails(started.store, 'a', 'bad', 'b', 'a')
    await started.handlePage()
    await until('the others are handled', () => batches.length === 4)
    expect(batches).toEqual([['a', 'bad', 'b', 'a'], ['a', 'a'], ['bad'], ['b']])
    await started.runner.end()
  })

  test('so many keys in retry leave no room for new events, until one of them is handled', async () => {
    const { mend, ...started } = await startDown()
    const keys = Array.from({ length: 1_000 }, (_, i) => `k${i}`)
    await queueMails(started.store, ...keys)
    await started.handlePage(999)
    expect(started.runner.isFull()).toBeFalse()
    await started.handlePage(1)
    expect(started.runner.isFull()).toBeTrue()
    mend()
    await started.store.readModel.unpark('mails', 'k7')
    await started.retryParked()
    await until('there is room', () => !started.runner.isFull())
    await started.runner.end()
  })
})

test('a key that no database can store parks its stream, and the others go on', async () => {
  const started = await startRunner(() => {})
  await queueMails(started.store, 'a\0b')
  await started.handlePage()
  expect(await started.parked()).toMatchObject([{ kind: 'stream', key: 'mail-1', position: 1 }])
})

test('a processor handles again what a key and its stream passed over, from where the first of them was parked', async () => {
  const handled: number[] = []
  const store = memory()
  await queueMails(store, 'k', 'k', 'k')
  const { epoch } = (await store.readModel.acquire('mails', { owner: 'o', ttlMs: TTL_MS, start: 0 }))!
  const park = [
    { kind: 'key', key: 'k', position: 1, cause: 'it failed' },
    { kind: 'stream', key: 'mail-1', position: 3, cause: 'it could not be read' },
  ] as const
  await store.readModel.commit({ name: 'mails', epoch, from: 0, to: 3, ttlMs: TTL_MS, rows: [], park, unpark: [] })
  await store.readModel.unpark('mails')
  const started = await startRunner(([event]) => handled.push(event!.position), { store })
  await started.retryParked()
  await until('all are handled', () => handled.length === 3 && !started.runner.hasParked())
  await started.save()
  expect([handled, await started.parked()]).toEqual([[1, 2, 3], []])
  expect(started.reported.map(({ code }) => code)).toEqual(['key-unparked'])
})

test('a processor passes over a skipped event that cannot be read, and handles what follows in its stream', async () => {
  const handled: number[] = []
  const started = await startRunner(([event]) => handled.push(event!.position))
  await queueMails(started.store, 'a')
  const broken = { id: Bun.randomUUIDv7(), type: 'Queued', schema: 'none', data: '{"to":7}', meta: '{}' }
  await started.store.append([{ slices: [{ stream: 'mail-1', expect: 'any', events: [broken] }], keys: [] }])
  await queueMails(started.store, 'b')
  await started.handlePage()
  expect(await started.parked()).toMatchObject([{ kind: 'stream', key: 'mail-1', position: 2 }])
  await started.store.readModel.unpark('mails', 'mail-1', 'skip')
  await started.retryParked()
  await until('nothing is in retry', async () => {
    await started.save()
    return (await started.parked()).length === 0
  })
  expect(handled).toEqual([1, 3])
})

test('a processor passes over what an import brought as history', async () => {
  const handled: string[] = []
  const started = await startRunner(([event]) => handled.push(toOf(event)))
  await queueWithMeta(started.store, '{"history":true}', 'a')
  await queueWithMeta(started.store, JSON.stringify({ actor: '"history":true' }), 'b')
  await queueWithMeta(started.store, '{"history":false}', 'c')
  await started.handlePage()
  expect(handled).toEqual(['b', 'c'])
})
