// What waits is bounded in time, number and size; the cache is bounded and never ahead of the log; close() answers what was taken.
import { describe, expect, test } from 'bun:test'
import { memoryBus } from '../ports/bus/memory.ts'
import { Account, account } from '../test-support/account.ts'
import { openBank, appendAsOther, range } from '../test-support/bank.ts'
import { failsBefore } from '../test-support/failing-store.ts'
import { movableClock } from '../test-support/movable-clock.ts'
import { until } from '../test-support/servers/until.ts'
import { patience } from '../lib/patience.ts'

const unavailable = { outcome: 'unavailable', retryAfterMs: 1_000 } as const
const accepted = { outcome: 'accepted' } as const
const slice = (id: string) =>
  ({ stream: `account-${id}`, expect: 'any', events: [Account.Deposited({ cents: 1, note: '' })] }) as const

/** A bank whose queue is held by a first command. */
const openHeldBank = async (options: Parameters<typeof openBank>[0] = {}) => {
  const bank = await openBank(options)
  const gate = bank.store.hold('append')
  const first = bank.emaki.send(account.deposit('first', { cents: 1 }), { key: 'k' })
  await gate.reached
  return { ...bank, gate, first }
}

describe('a command that waits', () => {
  test('a command that waits is unavailable when its deadline passes, and nothing of it is appended', async () => {
    const { emaki, store, gate, first } = await openHeldBank()
    expect(await emaki.send(account.deposit('a', { cents: 1 }), { deadlineMs: 1 })).toEqual(unavailable)
    expect(await emaki.send(account.deposit('first', { cents: 1 }), { deadlineMs: 1 })).toEqual(unavailable)
    gate.open()
    expect(await first).toMatchObject(accepted)
    expect(await store.head()).toBe(1)
  })

  test('a command that waits is unavailable when its signal is aborted, and nothing of it is appended', async () => {
    const { emaki, store, gate, first } = await openHeldBank()
    const controller = new AbortController()
    const sent = ['a', 'first'].map(id => emaki.send(account.deposit(id, { cents: 1 }), { signal: controller.signal }))
    controller.abort()
    expect(await Promise.all(sent)).toEqual([unavailable, unavailable])
    gate.open()
    await first
    expect(await store.head()).toBe(1)
  })

  test('a command that waits is unavailable when its time is over while the state is read', async () => {
    const { emaki, store } = await openBank()
    const gate = store.hold('load')
    const sent = emaki.send(account.deposit('a', { cents: 1 }), { deadlineMs: 1 })
    expect(await sent).toEqual(unavailable)
    gate.open()
    expect(await emaki.send(account.deposit('a', { cents: 1 }))).toMatchObject({ ...accepted, version: 1 })
  })

  test('a command that waits for another with its key is unavailable at its own deadline and signal', async () => {
    const { emaki, store, gate, first } = await openHeldBank()
    const same = account.deposit('first', { cents: 1 })
    expect(await emaki.send(same, { key: 'k', deadlineMs: 1 })).toEqual(unavailable)
    expect(await emaki.send(same, { key: 'k', signal: AbortSignal.abort() })).toEqual(unavailable)
    gate.open()
    expect(await first).toMatchObject(accepted)
    expect(await store.head()).toBe(1)
  })

  test('an append without a decision that waits is unavailable at its deadline and signal', async () => {
    const { emaki, store, gate, first } = await openHeldBank()
    expect(await emaki.append([slice('a')], { deadlineMs: 1 })).toEqual(unavailable)
    expect(await emaki.append([slice('b')], { signal: AbortSignal.abort() })).toEqual(unavailable)
    gate.open()
    await first
    expect(await emaki.append([slice('c')])).toMatchObject({ outcome: 'appended' })
    expect(await store.head()).toBe(2)
  })
})

describe('a command in a batch', () => {
  test('a command in a batch is not abandoned at its deadline or by its signal', async () => {
    const { emaki, store } = await openBank()
    const gate = store.hold('append')
    const controller = new AbortController()
    using clock = movableClock()
    const sent = [
      emaki.send(account.deposit('a', { cents: 1 })),
      emaki.send(account.deposit('b', { cents: 1 }), { signal: controller.signal }),
    ]
    await gate.reached
    controller.abort()
    // What waits is swept; this one tells when a deadline as late as the first has passed.
    const waits = emaki.send(account.deposit('c', { cents: 1 }))
    clock.advance(patience.commandMs)
    expect(await waits).toEqual(unavailable)
    expect(sent.map(promise => Bun.peek.status(promise))).toEqual(['pending', 'pending'])
    gate.open()
    expect(await Promise.all(sent)).toMatchObject([accepted, accepted])
  })
})

describe('back-pressure', () => {
  test('back-pressure takes a bounded number of commands and refuses more at once, until there is room again', async () => {
    const { emaki, store, gate, first } = await openHeldBank({ queue: { commands: 10 } })
    const taken = range(9).map(i => emaki.send(account.deposit(`a${i}`, { cents: 1 })))
    expect(emaki.waiting()).toBe(10)
    expect(await emaki.send(account.deposit('b', { cents: 1 }))).toEqual(unavailable)
    expect(await emaki.send(account.deposit('first', { cents: 1 }), { key: 'k' })).toEqual(unavailable)
    gate.open()
    for (const outcome of await Promise.all([first, ...taken])) expect(outcome).toMatchObject(accepted)
    expect(emaki.waiting()).toBe(0)
    expect(await emaki.send(account.deposit('b', { cents: 1 }))).toMatchObject(accepted)
    expect(await store.head()).toBe(11)
  })

  test('back-pressure takes a bounded number of bytes and refuses more, until there is room again', async () => {
    const { emaki, gate, first } = await openHeldBank({ queue: { size: 1_000 } })
    const taken = emaki.send(account.deposit('a', { cents: 1 }), { size: 900 })
    expect(await emaki.send(account.deposit('b', { cents: 1 }), { size: 200 })).toEqual(unavailable)
    const small = emaki.send(account.deposit('c', { cents: 1 }), { size: 100 })
    gate.open()
    for (const outcome of await Promise.all([first, taken, small])) expect(outcome).toMatchObject(accepted)
    expect(await emaki.send(account.deposit('b', { cents: 1 }), { size: 200 })).toMatchObject(accepted)
  })
})

describe('the cache of states', () => {
  test('the cache of states keeps a bounded number of states', async () => {
    const { emaki, store } = await openBank({ states: { entries: 2 } })
    for (const id of ['a', 'b', 'c']) await emaki.send(account.deposit(id, { cents: 1 }))
    const { load } = store.calls
    await emaki.send(account.deposit('c', { cents: 1 }))
    await emaki.send(account.deposit('b', { cents: 1 }))
    expect(store.calls.load).toBe(load)
    await emaki.send(account.deposit('a', { cents: 1 }))
    expect(store.calls.load).toBe(load + 1)
  })

  test('the cache of states keeps a bounded amount of payload', async () => {
    const { emaki, store } = await openBank({ states: { size: 1_000 } })
    const note = 'x'.repeat(600)
    for (const id of ['a', 'b']) await emaki.send(account.deposit(id, { cents: 1, note }))
    const { load } = store.calls
    await emaki.send(account.deposit('b', { cents: 1 }))
    expect(store.calls.load).toBe(load)
    await emaki.send(account.deposit('a', { cents: 1 }))
    expect(store.calls.load).toBe(load + 1)
  })

  test('the cache of states is not ahead of the log while an append is under way', async () => {
    const { emaki, gate, first } = await openHeldBank()
    expect(await emaki.state('account', 'first')).toBeNull()
    gate.open()
    await first
    expect(await emaki.state('account', 'first')).toMatchObject({ version: 1 })
  })

  test('the cache of states has no state of a batch that failed', async () => {
    for (const reason of ['unavailable', 'full', 'refused'] as const) {
      const { emaki, store } = await openBank()
      await emaki.send(account.deposit('a', { cents: 5 }))
      store.next('append', failsBefore(reason))
      await Promise.allSettled([emaki.send(account.deposit('a', { cents: 100 }))])
      expect(await emaki.send(account.withdraw('a', { cents: 6 }))).toMatchObject({ data: { balance: 5, version: 1 } })
      expect(await emaki.state('account', 'a')).toEqual({ state: { balance: 5, version: 1 }, version: 1, position: 1 })
    }
  })

  test('the cache of states holds states that nobody can change', async () => {
    const { emaki } = await openBank()
    await emaki.send(account.deposit('a', { cents: 5 }))
    const found = await emaki.state('account', 'a')
    expect(() => Object.assign(found!.state as object, { balance: 0 })).toThrow(TypeError)
  })
})

describe('a state', () => {
  test('a state is confirmed with the log, whoever wrote', async () => {
    const { emaki, store } = await openBank()
    await emaki.send(account.deposit('a', { cents: 5 }))
    await appendAsOther(store, 'account-a')
    expect(await emaki.state('account', 'a')).toEqual({ state: { balance: 6, version: 2 }, version: 2, position: 2 })
  })

  test('a state is found as it was at a version and at a time', async () => {
    let now = Date.parse('2026-01-01T00:00:00Z')
    const { memory } = await import('../ports/store/memory.ts')
    const { emaki } = await openBank({ log: memory({ now: () => now }) })
    for (const _ of range(3)) {
      await emaki.send(account.deposit('a', { cents: 5 }))
      now += 1_000
    }
    const stateAt = (time: string) => emaki.state('account', 'a', { at: new Date(time) })
    expect(await emaki.state('account', 'a', { version: 2 })).toEqual({
      state: { balance: 10, version: 2 },
      version: 2,
      position: 2,
    })
    expect(await stateAt('2025-12-31T23:59:59.999Z')).toBeNull()
    expect(await stateAt('2026-01-01T00:00:00Z')).toMatchObject({ version: 1 })
    expect(await stateAt('2026-01-01T00:00:01.999Z')).toMatchObject({ version: 2 })
    expect(await stateAt('2026-01-01T00:00:02Z')).toMatchObject({ version: 3 })
    expect(await emaki.state('account', 'nobody', { version: 1 })).toBeNull()
  })
})

describe('close()', () => {
  test('close() answers the commands it took, and takes no more', async () => {
    const { emaki, store, gate, first } = await openHeldBank()
    const taken = range(5).map(i => emaki.send(account.deposit(`a${i}`, { cents: 1 })))
    const followed = emaki.send(account.deposit('first', { cents: 1 }), { key: 'k' })
    const append = emaki.append([slice('b')])
    const closed = emaki.close()
    expect(await emaki.send(account.deposit('late', { cents: 1 }))).toEqual(unavailable)
    expect(await emaki.append([slice('late')])).toEqual(unavailable)
    expect(Bun.peek.status(closed)).toBe('pending')
    gate.open()
    expect(await followed).toMatchObject({ ...accepted, replayed: true })
    for (const outcome of await Promise.all([first, ...taken])) expect(outcome).toMatchObject(accepted)
    expect(await append).toMatchObject({ outcome: 'appended' })
    await closed
    expect(await store.head()).toBe(7)
  })

  test('close() of an idle runtime resolves', async () => {
    const { emaki } = await openBank()
    await emaki.close()
  })
})

describe('a listener of the bus', () => {
  test('a listener of the bus that throws is reported and harms nobody', async () => {
    const reported: unknown[] = []
    const bus = memoryBus(error => reported.push(error))
    const { emaki } = await openBank({ bus })
    const seen: number[] = []
    bus.listen(() => {
      throw new Error('a bad listener')
    })
    const end = bus.listen(page => seen.push(...page.map(({ position }) => position)))
    expect(await emaki.send(account.deposit('a', { cents: 1 }))).toMatchObject(accepted)
    await until('the page has come', () => seen.length === 1)
    expect(reported).toHaveLength(1)
    end()
    expect(bus.listeners).toBe(1)
  })
})
