import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { page } from '../ports/bus/contract/builders.ts'
import { memoryBus } from '../ports/bus/memory.ts'
import { memory } from '../ports/store/memory.ts'
import { StoreError } from '../ports/store/errors.ts'
import type { StoredEvent } from '../ports/store/event.ts'
import { upToSize } from '../ports/store/page-size.ts'
import type { Store } from '../ports/store/store.ts'
import type { Wake } from '../ports/store/watch.ts'
import { failsBefore, type FailingStore, failingStore } from '../test-support/failing-store.ts'
import { until } from '../test-support/servers/until.ts'
import { type Tail, type TailOptions, tail } from './tail.ts'

/** A log in memory that others write to as well, whose positions have holes, as burnt numbers of a sequence leave them. */
function logWithHoles(): {
  readonly store: FailingStore
  readonly events: StoredEvent[]
  add(count: number, burnt?: number): StoredEvent[]
} {
  const events: StoredEvent[] = []
  const watching = new Set<Wake>()
  const store: Store = {
    ...memory(),
    readAll: async ({ after, limit, sizeMax = Number.POSITIVE_INFINITY }) =>
      upToSize(events.filter(({ position }) => position > after).slice(0, limit), sizeMax),
    head: async () => events.at(-1)?.position ?? 0,
    watch: async wake => {
      watching.add(wake)
      return async () => void watching.delete(wake)
    },
    announce: head => watching.forEach(wake => void wake(head)),
  }
  return {
    store: failingStore(store),
    events,
    add: (count, burnt = 0) => {
      const from = (events.at(-1)?.position ?? 0) + burnt
      const added = [...page(...Array.from({ length: count }, (_, i) => from + 1 + i))]
      events.push(...added)
      return added
    },
  }
}

function buildTail(options: Partial<TailOptions> = {}) {
  const log = logWithHoles()
  const bus = memoryBus()
  const reported: unknown[] = []
  const waits: number[] = []
  const sleep = async (ms: number) => void waits.push(ms)
  const follows = tail({ store: log.store, bus, report: error => void reported.push(error), sleep, ...options })
  return { ...log, bus, reported, waits, tail: follows }
}

const positions = (events: readonly StoredEvent[] | null) => events?.map(({ position }) => position) ?? null

describe('a tail', () => {
  test('a tail reports each event whose time is before that of the one before it, whoever appended it', async () => {
    const { tail, add, bus, events, reported } = buildTail()
    await tail.start()
    const at = (second: number) => ({ at: `2026-01-31T12:00:0${second}.000Z` })
    const [first] = add(1)
    bus.publish([{ ...first!, ...at(5) }])
    bus.publish([{ ...add(1)[0]!, ...at(5) }])
    expect(reported).toEqual([])
    bus.publish([{ ...add(1)[0]!, ...at(4) }])
    bus.publish([{ ...add(1)[0]!, ...at(4) }])
    expect(reported).toMatchObject([{ promise: 'clock', message: expect.stringContaining('at position 3 is of') }])
    expect(tail.head).toBe(events.length)
    await tail.close()
  })

  test('a tail begins at the head of the log, before which it knows nothing', async () => {
    const { tail, add } = buildTail()
    add(3)
    expect([tail.head, tail.page(0, 10)]).toEqual([0, null])
    await tail.start()
    expect([tail.head, tail.page(2, 10), tail.page(3, 10)]).toEqual([3, null, []])
    await tail.close()
  })

  test('a tail takes what this process appended from the bus, without reading the log', async () => {
    const { tail, add, bus, store } = buildTail()
    await tail.start()
    await until('it has looked', () => store.calls.readAll === 1)
    bus.publish(add(2))
    bus.publish(add(3))
    expect([tail.head, positions(tail.page(0, 10)), positions(tail.page(1, 2))]).toEqual([5, [1, 2, 3, 4, 5], [2, 3]])
    expect(store.calls.readAll).toBe(1)
    await tail.close()
  })

  test('a tail reads the log where the bus leaves a gap, in which others may have written', async () => {
    const { tail, add, bus } = buildTail()
    await tail.start()
    add(2)
    bus.publish(add(1))
    bus.publish(add(1, 5))
    await until('it knows all', () => tail.head === 9)
    expect(positions(tail.page(0, 10))).toEqual([1, 2, 3, 9])
    expect([positions(tail.page(3, 10)), positions(tail.page(6, 10)), positions(tail.page(9, 10))]).toEqual([[9], [9], []])
    await tail.close()
  })

  test('a tail misses nothing that is appended while it starts', async () => {
    const { tail, add, bus, store } = buildTail()
    const gate = store.hold('head')
    const starting = tail.start()
    await gate.reached
    const found = store.inner.head()
    add(1)
    bus.publish(add(2))
    gate.open()
    await starting
    await found
    bus.publish(add(1))
    await until('it knows all', () => tail.head === 4)
    await tail.close()
  })

  test('a tail has each event once where the bus brings what a read is bringing', async () => {
    const { tail, add, bus, store } = buildTail()
    await tail.start()
    await until('it has looked', () => store.calls.readAll === 1)
    const gate = store.hold('readAll')
    store.announce(add(2)[1]!.position)
    await gate.reached
    add(1)
    gate.open()
    bus.publish(add(1))
    await until('it knows all', () => tail.head === 4)
    expect(positions(tail.page(0, 10))).toEqual([1, 2, 3, 4])
    await tail.close()
  })

  test('a tail reads once more when more is announced while it reads', async () => {
    const { tail, add, store, events } = buildTail()
    await tail.start()
    await until('it has looked', () => store.calls.readAll === 1)
    const reached = Promise.withResolvers<void>()
    const opened = Promise.withResolvers<void>()
    // What the read found is answered late: it does not hold what was appended meanwhile.
    store.next('readAll', async call => {
      const found = await call()
      reached.resolve()
      await opened.promise
      return found
    })
    add(1)
    store.announce(1)
    await reached.promise
    add(1)
    store.announce(2)
    opened.resolve()
    await until('it knows all', () => tail.head === events.at(-1)!.position)
    await tail.close()
  })

  test('a tail reads page after page until it is at the head', async () => {
    const { tail, add, store } = buildTail()
    await tail.start()
    add(5_000)
    store.announce(1)
    await until('it knows all', () => tail.head === 5_000)
    expect(positions(tail.page(0, 10_000))).toHaveLength(5_000)
    await tail.close()
  })

  test('a tail goes on where reads fail, ever more slowly, and stays where it is until then', async () => {
    const { tail, add, store, reported, waits } = buildTail()
    await tail.start()
    await until('it has looked', () => store.calls.readAll === 1)
    store.next('readAll', ...Array.from({ length: 9 }, () => failsBefore()))
    add(1)
    store.announce(1)
    expect(tail.head).toBe(0)
    await until('it knows all', () => tail.head === 1)
    expect(waits).toEqual([10, 20, 40, 80, 160, 320, 640, 1_000, 1_000])
    expect(reported).toMatchObject([{ code: 'retry-began' }, { code: 'retry-ended', fields: { failures: 9 } }])
    await tail.close()
  })

  test('a tail asks for half as much where a page is too much for the deadline of the store', async () => {
    const { store, add, bus } = buildTail()
    const asked: number[] = []
    const readAll: Store['readAll'] = options => {
      asked.push(options.limit)
      return options.limit > 20 ? Promise.reject(new StoreError('unavailable', 'too much')) : store.readAll(options)
    }
    const follows = tail({ store: { ...store, readAll }, bus, report: () => {}, sleep: async () => {} })
    await follows.start()
    add(50)
    store.announce(1)
    await until('it knows all', () => follows.head === 50)
    expect(asked.slice(0, 3)).toEqual([64, 32, 16])
    await follows.close()
  })

  test('a tail reads on behind a page that ended by its size', async () => {
    const { tail, events, store } = buildTail()
    const data = JSON.stringify('x'.repeat(700_000))
    events.push(...page(1, 2, 3, 4, 5).map(event => ({ ...event, data })))
    await tail.start()
    events.push(...page(6, 7, 8, 9, 10).map(event => ({ ...event, data })))
    store.announce(10)
    await until('it knows all', () => tail.head === 10)
    expect(store.calls.readAll).toBeGreaterThan(2)
    await tail.close()
  })

  test('a tail that could not start can be started again', async () => {
    const { tail, store, add } = buildTail()
    add(2)
    store.next('head', failsBefore())
    await expect(tail.start()).rejects.toThrow('made to fail')
    await tail.start()
    expect(tail.head).toBe(2)
    await tail.close()
  })

  test('a tail drops the oldest events beyond its bounds, and keeps the last event however large', async () => {
    const { tail, add, bus } = buildTail({ bounds: { events: 3, size: 1_000 } })
    await tail.start()
    bus.publish(add(5))
    expect([tail.page(0, 9), tail.page(1, 9), positions(tail.page(2, 9))]).toEqual([null, null, [3, 4, 5]])
    bus.publish([{ ...add(1)[0]!, data: JSON.stringify('x'.repeat(5_000)) }])
    expect([tail.page(4, 9), positions(tail.page(5, 9))]).toEqual([null, [6]])
    for (let i = 0; i < 100; i++) bus.publish(add(7))
    expect([tail.page(702, 9), positions(tail.page(703, 9))]).toEqual([null, [704, 705, 706]])
    await tail.close()
  })

  test('a tail parses an event once for all who read it', async () => {
    const { tail, add, bus } = buildTail()
    await tail.start()
    bus.publish(add(1).map(event => ({ ...event, data: '{"cents":1}' })))
    const [one] = tail.page(0, 1)!
    const [other] = tail.page(0, 9)!
    expect(one!.payload).toEqual({ cents: 1 })
    expect(other!.payload).toBe(one!.payload)
    let calls = 0
    const make = () => ({ call: ++calls })
    expect([one!.once(make), other!.once(make), calls]).toEqual([{ call: 1 }, { call: 1 }, 1])
    expect({ ...one }).toEqual({ ...page(1)[0], id: one!.id, data: '{"cents":1}' } as never)
    await tail.close()
  })
})

describe('a wait for a tail', () => {
  test('a wait for a tail ends when the head has passed, and at once where it has', async () => {
    const { tail, add, bus } = buildTail()
    await tail.start()
    const waits = [tail.wait(0), tail.wait(1), tail.wait(2)]
    bus.publish(add(2))
    expect(await Promise.all([waits[0], waits[1], tail.wait(1)])).toEqual([true, true, true])
    expect(tail.waiting).toBe(1)
    bus.publish(add(1))
    expect(await waits[2]).toBe(true)
    await tail.close()
  })

  test('a wait for a tail can be ended, and leaves nothing behind', async () => {
    const { tail } = buildTail()
    await tail.start()
    const ending = new AbortController()
    const waits = Array.from({ length: 100 }, () => tail.wait(0, ending.signal))
    expect(tail.waiting).toBe(100)
    ending.abort()
    expect(new Set(await Promise.all(waits))).toEqual(new Set([false]))
    expect(tail.waiting).toBe(0)
    expect(await tail.wait(0, ending.signal)).toBe(false)
    await tail.close()
  })

  test('a wait for a tail ends when the tail closes, also amid failing reads, and hears of nothing after that', async () => {
    const { tail, store, bus, add, reported } = buildTail({ sleep: (_, signal) => untilAborted(signal) })
    await tail.start()
    await until('it has looked', () => store.calls.readAll === 1)
    store.always('readAll', failsBefore())
    store.announce(1)
    await until('a read has failed', () => reported.length === 1)
    const waiting = tail.wait(0)
    await tail.close()
    expect(await waiting).toBe(false)
    expect(bus.listeners).toBe(0)
    bus.publish(add(1))
    expect([tail.head, await tail.wait(0)]).toEqual([0, false])
    await tail.start()
  })
})

/** What happens to a log: this process appends, another one does, numbers are burnt, somebody is told, a read takes a while. */
const steps = fc.array(
  fc.record({
    who: fc.constantFrom('we', 'others', 'others, and say so'),
    count: fc.integer({ min: 1, max: 4 }),
    burnt: fc.constantFrom(0, 0, 0, 1, 3),
    slow: fc.nat(3),
    pause: fc.nat(3),
  }),
  { minLength: 1, maxLength: 20 },
)
type Steps = typeof steps extends fc.Arbitrary<infer T> ? T : never

/** A sound follower has an event of each page; one with a planted bug may ask for ever. */
const PAGES_MAX = 1_000

/** Follows a log through its tail while all that happens to it; gives what it saw and what there was to see. */
async function followLog(steps: Steps, follow: (tail: Tail) => Tail = same => same): Promise<readonly [number[], number[]]> {
  const { tail: inner, add, bus, store, events } = buildTail({ bounds: { events: 6, size: 1_000 } })
  const tail = follow(inner)
  const turns = async (count: number) => {
    for (let i = 0; i < count; i++) await new Promise(resolve => setImmediate(resolve))
  }
  const seen: number[] = []
  const ending = new AbortController()
  let [after, pages] = [0, 0]
  const follower = async () => {
    while (pages++ < PAGES_MAX && (await tail.wait(after, ending.signal))) {
      const found = tail.page(after, 3) ?? (await store.inner.readAll({ after, limit: 3 }))
      seen.push(...positions(found)!)
      after = found.at(-1)?.position ?? after
    }
  }
  await tail.start()
  const following = follower()
  for (const { who, count, burnt, slow, pause } of steps) {
    store.next('readAll', async call => {
      const found = await call()
      await turns(slow)
      return found
    })
    const added = add(count, burnt)
    if (who === 'we') bus.publish(added)
    else if (who === 'others, and say so') store.announce(added.at(-1)!.position)
    await turns(pause)
  }
  store.announce(events.at(-1)!.position)
  const last = events.at(-1)!.position
  await until('it is at the end', () => pages > PAGES_MAX || (after >= last && inner.head === last))
  ending.abort()
  await following
  await tail.close()
  return [seen, positions(events)!]
}

describe('a follower of the log', () => {
  test('a follower of the log sees each event once, in order, whoever writes and however long a read takes', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async steps => {
        const [seen, log] = await followLog(steps)
        expect(seen).toEqual(log)
      }),
      { numRuns: 150 },
    )
  })

  const bugs: readonly (readonly [string, (tail: Tail) => Tail])[] = [
    ['is off by one where it goes on', tail => ({ ...shareTail(tail), page: (after, limit) => tail.page(after + 1, limit) })],
    [
      'takes what was let go for nothing',
      tail => ({ ...shareTail(tail), page: (after, limit) => tail.page(after, limit) ?? tail.page(tail.head - 1, limit) }),
    ],
    ['sees an event again', tail => ({ ...shareTail(tail), page: (after, limit) => tail.page(Math.max(after - 1, 0), limit) })],
  ]
  test.each(bugs)('the model finds a tail that %s', async (_, plant) => {
    const fails = async () => {
      for (const one of fc.sample(steps, { numRuns: 20, seed: 7 })) {
        const [seen, log] = await followLog(one, plant)
        expect(seen).toEqual(log)
      }
    }
    await expect(fails()).rejects.toThrow()
  })
})

/** The same tail, whose getters go on telling. */
function shareTail(tail: Tail): Tail {
  return {
    get head() {
      return tail.head
    },
    get waiting() {
      return tail.waiting
    },
    page: tail.page,
    wait: tail.wait,
    start: tail.start,
    close: tail.close,
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => signal.addEventListener('abort', () => resolve()))
}
