// Point 9 of the command path, for a stream that several processes write: its state stays in memory, and they take turns.
import { describe, expect, spyOn, test } from 'bun:test'
import type { DeciderSpec } from '../definitions/decider/decider.ts'
import { spec } from '../definitions/event/events.ts'
import { memory } from '../ports/store/memory.ts'
import type { Store } from '../ports/store/store.ts'
import { MISSED_BYTES_MAX } from '../ports/store/unit.ts'
import { Account, account } from '../test-support/account.ts'
import { appendAsOther, openBank, range } from '../test-support/bank.ts'
import { comesAfter, failsBefore, type FailingStore } from '../test-support/failing-store.ts'
import { shareTurns } from '../test-support/shared-turns.ts'
import { beginTurn, countAppend, openQueue } from './stream-queue.ts'
import { boundSize } from './stream-state.ts'

const EVENTS = 300
const CALLERS = 4
const ROUNDS = 60
const deposit = account.deposit('a', { cents: 1 })
const slice = { stream: 'account-a', expect: 'any', events: [Account.Deposited({ cents: 1, note: '' })] } as const

/** A log that records how many facts each load read. */
function countFacts(log: Store): { readonly log: Store; readonly facts: number[] } {
  const facts: number[] = []
  const load: Store['load'] = async (requests, keys) => {
    const loaded = await log.load(requests, keys)
    facts.push(loaded.streams.reduce((sum, stream) => sum + stream.facts.length, 0))
    return loaded
  }
  return { log: { ...log, load }, facts }
}

/** A bank that has loaded a long stream once. */
async function openLongBank(note = 'foreign', options: Parameters<typeof openBank>[0] = {}) {
  const { log, facts } = countFacts(memory())
  const bank = await openBank({ log, report: () => {}, ...options })
  for (const _ of range(EVENTS)) await appendAsOther(bank.store, 'account-a', note)
  await bank.emaki.send(deposit)
  expect(facts.splice(0)).toEqual([EVENTS])
  return { ...bank, facts }
}

const nextTick = () => new Promise(resolve => setImmediate(resolve))
const otherComesFirst = (store: FailingStore) => comesAfter(() => appendAsOther(store, 'account-a'))

describe('the state of a long stream', () => {
  test('the state of a long stream that wins after each conflict and rests is read on, and never from its beginning', async () => {
    const { emaki, store, facts } = await openLongBank()
    for (const _ of range(20)) {
      store.next('append', otherComesFirst(store))
      expect(await emaki.send(deposit)).toMatchObject({ outcome: 'accepted' })
      await appendAsOther(store, 'account-a')
    }
    expect(facts).toEqual(Array(19).fill(1))
  })

  test('the state of a long stream is read on after a conflict that cannot bring the missed events', async () => {
    const { emaki, store, facts } = await openLongBank()
    await appendAsOther(store, 'account-a', 'x'.repeat(MISSED_BYTES_MAX))
    expect(await emaki.send(deposit)).toMatchObject({ outcome: 'accepted', version: EVENTS + 3 })
    expect(facts).toEqual([1])
  })

  test.each(['unavailable', 'unknown', 'refused'] as const)(
    'the state of a long stream is read on at most after an append that is %s',
    async reason => {
      const { emaki, store, facts } = await openLongBank()
      store.next('append', failsBefore(reason))
      await emaki.send(deposit).catch(() => {})
      await appendAsOther(store, 'account-a')
      expect(await emaki.send(deposit)).toMatchObject({ outcome: 'accepted' })
      expect(Math.max(0, ...facts)).toBeLessThanOrEqual(1)
    },
  )

  test('the state of a long stream is read on after a load that failed', async () => {
    const { emaki, store, facts } = await openLongBank()
    store.next('append', otherComesFirst(store))
    await emaki.send(deposit)
    store.next('load', failsBefore())
    expect(await emaki.send(deposit)).toMatchObject({ outcome: 'unavailable' })
    await appendAsOther(store, 'account-a')
    expect(await emaki.send(deposit)).toMatchObject({ outcome: 'accepted', version: EVENTS + 5 })
    expect(facts).toEqual([1])
  })

  test('the state of a long stream is read on after an append of several streams', async () => {
    const { emaki, facts } = await openLongBank()
    await emaki.append([slice, { ...slice, stream: 'account-b' }])
    expect(await emaki.send(deposit)).toMatchObject({ outcome: 'accepted', version: EVENTS + 3 })
    expect(facts).toEqual([1])
  })

  test('the state of a long stream is forgotten where the log has become shorter', async () => {
    const { emaki, store, facts } = await openLongBank()
    store.next(
      'append',
      async () =>
        [{ outcome: 'conflict', conflicts: [{ stream: 'account-a', expected: EVENTS + 1, actual: 3, missed: null }] }] as never,
    )
    expect(await emaki.send(deposit)).toMatchObject({ outcome: 'accepted' })
    expect(facts).toEqual([EVENTS + 1])
  })

  test('the state of a long stream stays in memory by its own size, and not by that of the events folded into it', async () => {
    const { emaki, facts } = await openLongBank('x'.repeat(10_000), { states: { size: 200_000 } })
    await emaki.send(deposit)
    expect(facts).toEqual([])
  })
})

describe('the size of a state', () => {
  const length = (state: unknown) => JSON.stringify(state).length
  test.each([
    ['is that of its payloads while they are few', { a: 1 }, 0, 60_000, 60_000],
    ['is measured once they are many, and rounded up', { a: 1 }, 60_000, 10_000, 65_536],
    ['is not measured again until there are as many more', { a: 'x'.repeat(70_000) }, 65_536, 65_535, 131_071],
    ['is that of its payloads where JSON refuses it', { a: 1n }, 60_000, 10_000, 70_000],
    ['is that of its payloads where nothing of them is lost', { a: 'x'.repeat(70_000) }, 60_000, 10_000, 70_000],
  ])('the size of a state %s', (_, state, before, added, expected) => {
    expect(boundSize(state, before, added)).toBe(expected)
    if (typeof state.a !== 'bigint') expect(expected).toBeGreaterThanOrEqual(Math.min(length(state), before + added))
  })
})

/**
 * Four processes with four callers each on one stream: how often a command was sent to the log for each that it took.
 */
async function countAttempts(log: Store): Promise<number> {
  const processes = await Promise.all(range(4).map(() => openBank({ log })))
  let appends = 0
  for (const { store } of processes)
    store.always('append', async call => {
      for (const _ of range(1 + ((++appends * 7) % 3))) await nextTick()
      return call()
    })
  const outcomes: string[] = []
  const callTimes = async ({ emaki }: (typeof processes)[number]) => {
    for (const _ of range(ROUNDS)) outcomes.push((await emaki.send(account.deposit('hot', { cents: 1 }))).outcome)
  }
  await Promise.all(processes.flatMap(bank => range(CALLERS).map(() => callTimes(bank))))
  const attempts = processes
    .flatMap(({ store }) => store.appends.flat())
    .reduce((sum, { slices }) => sum + slices[0]!.events.length, 0)
  expect(new Set(outcomes)).toEqual(new Set(['accepted']))
  await Promise.all(processes.map(({ emaki }) => emaki.close()))
  return attempts / outcomes.length
}

describe('processes that take turns on a stream', () => {
  test('processes that take turns on a stream send a command 1.3 times at most, and twice as often without turns', async () => {
    const { log, taken } = shareTurns(memory())
    expect(await countAttempts(log)).toBeLessThanOrEqual(1.3)
    expect(new Set(taken)).toEqual(new Set(['account-hot']))
    expect(await log.head()).toBe(4 * CALLERS * ROUNDS)
    expect(await countAttempts(memory())).toBeGreaterThan(2)
  })

  test('processes that take turns on a stream read only what the others wrote meanwhile, however long the stream is', async () => {
    const counted = countFacts(memory())
    await appendAsOther({ inner: counted.log } as FailingStore, 'account-hot')
    const { log } = shareTurns(counted.log)
    await countAttempts(log)
    // Each of three others had a turn of eight batches meanwhile, and the first one won up to 32 before it took turns.
    expect(Math.max(...counted.facts)).toBeLessThanOrEqual((3 * 8 + 32) * CALLERS)
    expect(Math.max(...counted.facts.slice(-20))).toBeLessThanOrEqual(3 * 8 * CALLERS)
    expect(await log.head()).toBe(1 + 4 * CALLERS * ROUNDS)
  })

  /** Lets a turn end in which no command waits. */
  const endTurn = async () => {
    for (const _ of range(3)) await nextTick()
  }

  /** A bank that has lost its stream twice in a row, and so takes turns on it. The first one has ended. */
  async function openContestedBank() {
    const { log, ...turns } = shareTurns(memory())
    const bank = await openBank({ log })
    await bank.emaki.send(deposit)
    bank.store.next('append', otherComesFirst(bank.store), otherComesFirst(bank.store))
    await bank.emaki.send(deposit)
    await endTurn()
    return { ...bank, ...turns, log }
  }

  test.each([
    [0, 1],
    [1, 1],
    [2, 1],
    [3, 0],
    [9, 0],
  ])('a process that wins %d more batches between two that it lost takes %d turns', async (wins, turns) => {
    const { log, taken } = shareTurns(memory())
    const { emaki, store } = await openBank({ log })
    await emaki.send(deposit)
    for (const _ of range(2)) {
      store.next('append', otherComesFirst(store))
      for (const _ of range(1 + wins)) await emaki.send(deposit)
    }
    expect(taken).toHaveLength(turns)
  })

  test('a process that wins all batches takes a turn now and then, and takes turns once it sees what others wrote meanwhile', async () => {
    const { log, taken, waiting } = shareTurns(memory())
    const { emaki, store } = await openBank({ log })
    const send = async (times: number) => {
      for (const _ of range(times)) await emaki.send(deposit)
      await endTurn()
      return taken.length
    }
    expect([await send(32), await send(1), await send(32), await send(1)]).toEqual([0, 1, 1, 2])
    const end = await log.takeTurn!('account-a')
    const sent = send(33)
    while (waiting() === 0) await nextTick()
    await appendAsOther(store, 'account-a')
    end!()
    expect([await sent, await send(1), await send(1)]).toEqual([4, 5, 5])
  })

  test('a process takes its turn after two losses, reads on in it, and ends it when no command waits', async () => {
    const { taken, log, store } = await openContestedBank()
    expect(taken).toEqual(['account-a'])
    expect(store.calls).toMatchObject({ load: 2, append: 4 })
    // Nobody else gets a turn that has not ended.
    ;(await log.takeTurn!('account-a'))!()
  })

  test('a process that found something new in its last turn takes the next one, and none once it found nothing', async () => {
    const { emaki, store, taken } = await openContestedBank()
    await appendAsOther(store, 'account-a')
    const lengths: number[] = []
    for (const _ of range(4)) {
      await emaki.send(deposit)
      await endTurn()
      lengths.push(taken.length)
    }
    expect(lengths).toEqual([2, 3, 3, 3])
  })

  test('a process gives its turn to the next one after eight batches, though its own commands wait', async () => {
    // The time of a turn stands still.
    const now = spyOn(performance, 'now').mockReturnValue(0)
    const { emaki, store, log, waiting } = await openContestedBank()
    await appendAsOther(store, 'account-a')
    const { append } = store.calls
    const others: ReturnType<NonNullable<Store['takeTurn']>>[] = []
    store.always('append', async call => {
      if (!others.length) others.push(log.takeTurn!('account-a'))
      return call()
    })
    let isDone = false
    const callers = range(3).map(async () => {
      while (!isDone) await emaki.send(deposit)
    })
    while (!others.length) await nextTick()
    const end = await others[0]!
    expect(store.calls.append - append).toBe(8)
    now.mockRestore()
    isDone = true
    end!()
    await Promise.all(callers)
    expect(waiting()).toBe(0)
  })

  test.each([
    [8, 99, 8],
    [8, 12, 8],
    [3, 100, 1],
  ])('a turn of which %d appends end at %d ms has %d of them', (appends, now, expected) => {
    let count = 0
    const ends: number[] = []
    const queue = { ...openQueue('account-a', account[spec] as DeciderSpec, null), strain: 8 }
    beginTurn(queue, () => void ends.push(count), 0)
    for (; count < appends; count++) countAppend(queue, now)
    expect([ends, queue.turn]).toEqual([[expected - 1], null])
  })

  test('a process that gets no turn appends without one, in a batch of its own', async () => {
    const log = { ...memory(), takeTurn: async () => null }
    const { emaki, store } = await openBank({ log })
    await emaki.send(deposit)
    store.next('append', ...range(9).map(() => otherComesFirst(store)))
    expect(await emaki.send(deposit)).toMatchObject({ outcome: 'accepted', version: 11 })
  })

  test('commands that wait for a turn are unavailable at their deadline, and the turn is ended unused', async () => {
    const { emaki, store, log } = await openContestedBank()
    await appendAsOther(store, 'account-a')
    const end = await log.takeTurn!('account-a')
    expect(await emaki.send(deposit, { deadlineMs: 1 })).toMatchObject({ outcome: 'unavailable' })
    end!()
    expect(await emaki.send(deposit)).toMatchObject({ outcome: 'accepted', version: 6 })
    ;(await log.takeTurn!('account-a'))!()
  })

  test('a queue that begins a turn reads on, and one that gets none is contested no longer', () => {
    const queue = () => ({ ...openQueue('account-a', account[spec] as DeciderSpec, null), strain: 8 })
    const [lucky, other] = [queue(), queue()]
    beginTurn(lucky, () => {}, 0)
    expect(lucky).toMatchObject({ isBehind: true, strain: 8, turn: { since: 0, appends: 0 } })
    beginTurn(other, null, 0)
    expect(other).toMatchObject({ isBehind: false, strain: 0, turn: null })
  })
})
