// A past state of a long stream: folded once, in pieces, by few at once, and never for longer than a deadline.
import { afterEach, describe, expect, jest, spyOn, test } from 'bun:test'
import type { DeciderSpec } from '../definitions/decider/decider.ts'
import { spec } from '../definitions/event/events.ts'
import { patience } from '../lib/patience.ts'
import { turnClock } from '../lib/turns.ts'
import type { Log } from '../ports/store/log.ts'
import { memory } from '../ports/store/memory.ts'
import { account } from '../test-support/account.ts'
import { range } from '../test-support/bank.ts'
import { movableClock } from '../test-support/movable-clock.ts'
import { PastStates } from './past-states.ts'

const EVENTS = 12_000
const STREAM = 'account-long'
const decider = account[spec] as DeciderSpec
const START = Date.parse('2026-01-01T00:00:00Z')
afterEach(() => void jest.useRealTimers())

/** A stream of deposits of a cent, a second apart after each thousand, and how many events were read of it. */
async function openLong() {
  let now = START
  const store = memory({ now: () => now })
  const { fingerprint } = decider.events.types.get('Deposited')!
  const event = () => ({ id: '', type: 'Deposited', schema: fingerprint, data: '{"cents":1,"note":""}', meta: '{}' })
  for (const _ of range(EVENTS / 1_000)) {
    await store.append([{ slices: [{ stream: STREAM, expect: 'any', events: range(1_000).map(event) }], keys: [] }])
    now += 1_000
  }
  const counted = { read: 0, onRead: () => {} }
  const read: Log['read'] = async (stream, options) => {
    const page = await store.read(stream, options)
    counted.read += page.length
    counted.onRead()
    return page
  }
  const log = { ...store, read }
  const past = new PastStates(log)
  return { counted, log, past, load: (when: Parameters<PastStates['load']>[2]) => past.load(decider, STREAM, when) }
}

describe('a past state of a long stream', () => {
  test('a past state of a long stream is the fold of its events, from wherever it begins', async () => {
    const { load } = await openLong()
    for (const version of [EVENTS, 11_000, 10_000, 9_999, 10_001, 5_000, 4_999, 1, EVENTS + 9]) {
      const expected = Math.min(version, EVENTS)
      expect(await load({ version })).toMatchObject({ state: { balance: expected }, version: expected, position: expected })
    }
    for (const seconds of [11, 10.5, 9, 4, 5, 0]) {
      const expected = (Math.floor(seconds) + 1) * 1_000
      expect(await load({ at: new Date(START + seconds * 1_000) })).toMatchObject({ version: expected, position: expected })
    }
    expect(await load({ at: new Date(START - 1) })).toMatchObject({ version: 0, position: 0 })
    expect(await load({ at: new Date(START), version: 500 })).toMatchObject({ version: 500 })
  })

  test('a past state of a long stream begins at the nearest state that an earlier one has left, by version and by time', async () => {
    const { load, counted } = await openLong()
    await load({ version: EVENTS })
    expect(counted.read).toBe(EVENTS)
    counted.read = 0
    await load({ version: 11_000 })
    expect(counted.read).toBe(1_000)
    counted.read = 0
    await load({ at: new Date(START + 10_500) })
    expect(counted.read).toBe(1_500)
  })

  test('a past state of a long stream begins at a snapshot that lies before its version, and at no later one', async () => {
    const { past, log, counted } = await openLong()
    const snapped: DeciderSpec = { ...decider, snapshot: { every: 1_000, fold: 1 } }
    await log.saveSnapshots([{ stream: STREAM, fold: 1, version: 11_000, state: '{"balance":11000,"version":11000}' }])
    expect(await past.load(snapped, STREAM, { version: 11_001 })).toMatchObject({ state: { balance: 11_001 }, position: 11_001 })
    expect(counted.read).toBe(1)
    for (const version of [11_000, 10_999])
      expect(await past.load(snapped, STREAM, { version })).toMatchObject({ state: { balance: version }, position: version })
    expect(await past.load(snapped, STREAM, { at: new Date(START + 60_000) })).toMatchObject({ position: EVENTS })
  })

  test('a past state of a long stream lets the event loop turn after each page of 500 events that took long', async () => {
    const { load } = await openLong()
    let turns = 0
    let ms = 0
    const clock = spyOn(turnClock, 'now').mockImplementation(() => (ms += 10))
    const loading = load({ version: EVENTS })
    while (Bun.peek.status(loading) === 'pending') {
      turns++
      await new Promise(resolve => setImmediate(resolve))
    }
    clock.mockRestore()
    expect(turns).toBeGreaterThanOrEqual(EVENTS / 500)
  })

  test('a past state of a long stream that ten ask for at once is folded by two at once, and read on by the others', async () => {
    const { load, counted } = await openLong()
    await Promise.all(range(10).map(() => load({ version: EVENTS })))
    expect(counted.read).toBeLessThanOrEqual(2 * EVENTS + 8 * 5_000)
  })

  test('a past state of a long stream is unavailable after its deadline, and goes on where it was the next time', async () => {
    const { load, counted } = await openLong()
    using clock = movableClock()
    counted.onRead = () => clock.advance(counted.read === 6_000 ? patience.commandMs + 1 : 0)
    await expect(load({ version: EVENTS })).rejects.toMatchObject({ name: 'StoreError', reason: 'unavailable' })
    Object.assign(counted, { read: 0, onRead: () => {} })
    expect(await load({ version: EVENTS })).toMatchObject({ version: EVENTS })
    expect(counted.read).toBe(EVENTS - 5_000)
  })

  test('a past state of a long stream is unavailable where two others take all of its time', async () => {
    const { past, log } = await openLong()
    const waiting = new PastStates({ ...log, read: () => Promise.withResolvers<never>().promise })
    jest.useFakeTimers()
    const loads = range(3).map(() => waiting.load(decider, STREAM, { version: 1 }))
    jest.advanceTimersByTime(patience.commandMs)
    await expect(loads[2]).rejects.toMatchObject({ name: 'StoreError', reason: 'unavailable' })
    expect(Bun.peek.status(loads[0]!)).toBe('pending')
    expect(past).toBeDefined()
  })

  test('past states of a stream stay in memory up to sixteen, however long it is', async () => {
    const { log } = await openLong()
    const asked: number[] = []
    const event = (await log.read(STREAM, { after: 0, limit: 1 }))[0]!
    const endless = new PastStates({
      ...log,
      read: async (_, { after, limit }) => {
        asked.push(after)
        return range(limit).map(i => ({ ...event, version: after + i + 1, position: after + i + 1 }))
      },
    })
    await endless.load(decider, STREAM, { version: 90_000 })
    for (const version of [15_001, 45_001, 85_001]) {
      asked.length = 0
      await endless.load(decider, STREAM, { version })
      expect(version - asked[0]!).toBeLessThanOrEqual(10_001)
    }
  })
})
