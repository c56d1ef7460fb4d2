// Point 4 of the command path: an idempotency key comes before everything else.
import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { decider } from '../definitions/decider/decider.ts'
import { events } from '../definitions/event/events.ts'
import { memory } from '../ports/store/memory.ts'
import { account } from '../test-support/account.ts'
import { openBank, appendAsOther, range } from '../test-support/bank.ts'
import { comesAfter, failsAfter, failsBefore } from '../test-support/failing-store.ts'
import { KEY_REUSED } from './outcome.ts'
import { KEY_KEEP_MS } from './pending-command.ts'
import { movableClock } from '../test-support/movable-clock.ts'

const key = 'k1'

const Door = events('door', { Opened: z.object({}) })
/** Opens once. */
const door = decider(Door, {
  initial: false as boolean,
  evolve: { Opened: () => true },
  commands: { open: z.object({}) },
  decide: {
    open: isOpen => {
      if (isOpen) throw new Error('stuck')
      return Door.Opened({})
    },
  },
})

describe('a key that was used before', () => {
  test('a key that was used before gets the stored outcome of an accepted command', async () => {
    const { emaki, store } = await openBank()
    await emaki.send(account.deposit('other', { cents: 1 }))
    const first = await emaki.send(account.deposit('a', { cents: 5, times: 2 }), { key })
    await emaki.send(account.deposit('a', { cents: 1 }))
    expect(first).toMatchObject({ outcome: 'accepted', version: 2, position: 3 })
    expect(await emaki.send(account.deposit('a', { cents: 5, times: 2 }), { key })).toEqual({ ...first, replayed: true } as never)
    expect(await store.head()).toBe(4)
  })

  test('a key that was used before gets the stored outcome of an empty decision, its position too', async () => {
    const { emaki } = await openBank()
    await emaki.send(account.deposit('other', { cents: 1 }))
    await emaki.send(account.deposit('a', { cents: 5 }))
    const first = await emaki.send(account.touch('a', {}), { key })
    await emaki.send(account.deposit('a', { cents: 5 }))
    expect(first).toEqual({ outcome: 'accepted', stream: 'account-a', version: 1, position: 2, events: [] })
    expect(await emaki.send(account.touch('a', {}), { key })).toEqual({ ...first, replayed: true } as never)
  })

  test('a key that was used before gets the stored outcome of an empty decision on nothing', async () => {
    const { emaki } = await openBank()
    const first = await emaki.send(account.touch('a', {}), { key })
    expect(first).toEqual({ outcome: 'accepted', stream: 'account-a', version: 0, position: 0, events: [] })
    expect(await emaki.send(account.touch('a', {}), { key })).toEqual({ ...first, replayed: true } as never)
  })

  test('a key that was used before gets the stored rejection, whatever would be decided now', async () => {
    const { emaki, store } = await openBank()
    const first = await emaki.send(account.withdraw('a', { cents: 5 }), { key })
    await emaki.send(account.deposit('a', { cents: 5 }))
    expect(first).toEqual({ outcome: 'rejected', code: 'insufficient', data: { balance: 0, version: 0 } })
    expect(await emaki.send(account.withdraw('a', { cents: 5 }), { key })).toEqual({ ...first, replayed: true } as never)
    expect(await store.head()).toBe(1)
  })

  test('a key that was used before is looked up before the precondition and the decision', async () => {
    const { emaki } = await openBank()
    await emaki.send(account.deposit('a', { cents: 5 }), { key, expect: 0 })
    expect(await emaki.send(account.deposit('a', { cents: 5 }), { key, expect: 0 })).toMatchObject({ version: 1, replayed: true })
    expect(await emaki.send(account.deposit('a', { cents: 5 }), { key, expect: 9 })).toMatchObject({ version: 1, replayed: true })
  })

  test('a key that was used before is looked up where the decision throws by now', async () => {
    const { emaki } = await openBank({ serve: [door] })
    const first = await emaki.send(door.open('front', {}), { key })
    expect(await emaki.send(door.open('front', {}), { key })).toEqual({ ...first, replayed: true } as never)
    expect(emaki.send(door.open('front', {}), { key: 'k2' })).rejects.toThrow('stuck')
  })

  test('a key that was used before is looked up by the append, but before it where something is expected of the stream', async () => {
    const { emaki, store } = await openBank()
    await emaki.send(account.deposit('a', { cents: 5 }))
    const loads = store.calls.load
    await emaki.send(account.deposit('a', { cents: 5 }), { key })
    expect(await emaki.send(account.deposit('a', { cents: 5 }), { key })).toMatchObject({ version: 2, replayed: true })
    expect(store.calls.load).toBe(loads)
    await emaki.send(account.deposit('a', { cents: 5 }), { key: 'k2', expect: 2 })
    expect(store.calls.load).toBe(loads + 1)
  })

  test('a key that was used before keeps nobody else from the stream, however often commands are repeated', async () => {
    const { emaki, store } = await openBank()
    const sendRepeated = (nth: number) => emaki.send(account.deposit('a', { cents: 5 }), { key: `k${nth}` })
    for (let i = 0; i < 4; i++) await sendRepeated(i)
    const appends = store.appends.length
    const repetitions = [sendRepeated(0)]
    // While each of these is on its way, the next repetition arrives.
    for (const nth of [1, 2, 3])
      store.next(
        'append',
        comesAfter(async () => void repetitions.push(sendRepeated(nth))),
      )
    expect(await emaki.send(account.deposit('a', { cents: 1 }))).toMatchObject({ outcome: 'accepted', version: 5 })
    expect(store.appends.length - appends).toBe(2)
    for (const outcome of await Promise.all(repetitions)) expect(outcome).toMatchObject({ replayed: true })
  })

  test('a command that is given up while its key is looked up is answered once', async () => {
    const { emaki, store } = await openBank()
    await emaki.send(account.deposit('a', { cents: 5 }), { key, expect: 0 })
    await appendAsOther(store, 'account-a')
    const gate = store.hold('load')
    const giveUp = new AbortController()
    const sent = emaki.send(account.deposit('a', { cents: 5 }), { key, expect: 0, signal: giveUp.signal })
    await gate.reached
    giveUp.abort()
    expect(await sent).toMatchObject({ outcome: 'unavailable' })
    gate.open()
    await emaki.send(account.deposit('a', { cents: 1 }))
    expect(emaki.waiting()).toBe(0)
  })

  test('a key that was used before is refused for another command', async () => {
    const { emaki, store } = await openBank()
    await emaki.send(account.deposit('a', { cents: 5 }), { key })
    const refused = { outcome: 'rejected', code: KEY_REUSED } as const
    expect(await emaki.send(account.deposit('a', { cents: 6 }), { key })).toEqual(refused)
    expect(await emaki.send(account.deposit('b', { cents: 5 }), { key })).toEqual(refused)
    expect(await store.head()).toBe(1)
  })

  test('a key that was used before matches its command, however the data is written', async () => {
    const { emaki } = await openBank()
    await emaki.send(account.deposit('a', { cents: 5, note: 'n' }), { key })
    expect(await emaki.send(account.deposit('a', { note: 'n', cents: 5 }), { key })).toMatchObject({ replayed: true })
  })

  test('a key that was used before stands for what was sent, and not for what the schema makes of it', async () => {
    const { emaki } = await openBank()
    await emaki.send(account.deposit('a', { cents: 5 }), { key })
    expect(await emaki.send(account.deposit('a', { cents: 5, note: '' }), { key })).toMatchObject({ code: KEY_REUSED })
  })

  test('a key that was used before says nothing of other commands', async () => {
    const { emaki } = await openBank()
    await emaki.send(account.deposit('a', { cents: 5 }), { key })
    const withdrawn = await emaki.send(account.withdraw('a', { cents: 5 }), { key })
    expect(withdrawn).toMatchObject({ outcome: 'accepted', version: 2 })
    expect(withdrawn).not.toHaveProperty('replayed')
  })

  test('a key that was used before leads to the instance that it made where the caller gave no id', async () => {
    const { emaki } = await openBank()
    const first = await emaki.send(account.deposit('made1', { cents: 5 }), { key, idGiven: false })
    expect(await emaki.send(account.deposit('made2', { cents: 5 }), { key, idGiven: false })).toEqual({
      ...first,
      replayed: true,
    } as never)
  })

  test('a key that was used before is forgotten after a day', async () => {
    let now = Date.parse('2026-01-01')
    const { emaki, store } = await openBank({ log: memory({ now: () => now }) })
    await emaki.send(account.deposit('a', { cents: 5 }), { key })
    now += KEY_KEEP_MS - 1
    expect(await emaki.send(account.deposit('a', { cents: 5 }), { key })).toMatchObject({ replayed: true })
    now += 1
    expect(await emaki.send(account.deposit('a', { cents: 5 }), { key })).toMatchObject({ version: 2 })
    expect(await store.head()).toBe(2)
  })

  test('a key that was used before is unavailable, and not an exception, while its events cannot be read', async () => {
    const { emaki, store } = await openBank()
    await emaki.send(account.deposit('a', { cents: 5 }), { key })
    store.next('read', failsBefore())
    expect(await emaki.send(account.deposit('a', { cents: 5 }), { key })).toEqual({ outcome: 'unavailable', retryAfterMs: 1_000 })
    expect(await emaki.send(account.deposit('a', { cents: 5 }), { key })).toMatchObject({ replayed: true })
  })
})

describe('storing keys', () => {
  test('a key is stored with its command in one append, and a rejection by its key alone', async () => {
    const { emaki, store } = await openBank()
    await Promise.all([
      emaki.send(account.withdraw('a', { cents: 5 }), { key: '1' }),
      emaki.send(account.deposit('a', { cents: 5, times: 2 }), { key: '2' }),
      emaki.send(account.touch('a', {}), { key: '3' }),
    ])
    expect(store.appends).toHaveLength(1)
    expect(store.appends[0]![0]!.keys).toMatchObject([
      { key: 'client:account.withdraw:1', version: 0, count: 0, rejection: expect.stringContaining('insufficient') },
      { key: 'client:account.deposit:2', version: 2, count: 2, rejection: null, keepMs: KEY_KEEP_MS },
      { key: 'client:account.touch:3', version: 2, count: 0, rejection: null },
    ])
  })

  test('a key is not stored where its command failed: invalid, a conflict, unavailable, thrown', async () => {
    const { emaki, store } = await openBank()
    const deposit = account.deposit('a', { cents: 1 })
    expect(await emaki.send(account.deposit('a', { cents: -1 }), { key })).toMatchObject({ outcome: 'invalid' })
    expect(await emaki.send(deposit, { key, expect: 7 })).toMatchObject({ outcome: 'conflict' })
    store.next('append', failsBefore())
    expect(await emaki.send(deposit, { key })).toMatchObject({ outcome: 'unavailable' })
    expect(emaki.send(account.explode('a', {}), { key })).rejects.toThrow()
    const sent = await emaki.send(deposit, { key })
    expect(sent).toMatchObject({ outcome: 'accepted', version: 1 })
    expect(sent).not.toHaveProperty('replayed')
  })
})

describe('a duplicate of a pending command', () => {
  test('a duplicate of a pending command waits for its outcome', async () => {
    const { emaki, store } = await openBank()
    const gate = store.hold('append')
    const first = emaki.send(account.deposit('a', { cents: 5 }), { key })
    await gate.reached
    const duplicates = range(50).map(() => emaki.send(account.deposit('a', { cents: 5 }), { key }))
    expect(duplicates.map(promise => Bun.peek.status(promise))).toEqual(range(50).map(() => 'pending' as const))
    gate.open()
    const outcome = await first
    for (const duplicate of await Promise.all(duplicates)) expect(duplicate).toEqual({ ...outcome, replayed: true } as never)
    expect(await store.head()).toBe(1)
  })

  test('a duplicate of a pending command has no effect of its own when both came at once', async () => {
    const { emaki, store } = await openBank()
    const outcomes = await Promise.all(range(50).map(() => emaki.send(account.deposit('a', { cents: 5 }), { key })))
    expect(outcomes.filter(outcome => !('replayed' in outcome))).toHaveLength(1)
    expect(await store.head()).toBe(1)
  })

  test('a duplicate of a pending command is refused where it has other data', async () => {
    const { emaki } = await openBank()
    const outcomes = await Promise.all([
      emaki.send(account.deposit('a', { cents: 5 }), { key }),
      emaki.send(account.deposit('a', { cents: 6 }), { key }),
      emaki.send(account.deposit('b', { cents: 5 }), { key }),
    ])
    expect(outcomes).toMatchObject([{ outcome: 'accepted' }, { code: KEY_REUSED }, { code: KEY_REUSED }])
  })

  test('a duplicate of a pending command is decided itself where the first failed', async () => {
    const { emaki, store } = await openBank()
    store.next('append', failsBefore())
    const outcomes = await Promise.all([
      emaki.send(account.deposit('a', { cents: 5 }), { key }),
      emaki.send(account.deposit('a', { cents: 5 }), { key }),
      emaki.send(account.deposit('a', { cents: 5 }), { key }),
    ])
    expect(outcomes).toMatchObject([{ outcome: 'unavailable' }, { outcome: 'accepted' }, { outcome: 'accepted', replayed: true }])
    expect(await store.head()).toBe(1)
  })

  test('a duplicate of a pending command in another process has one effect with it', async () => {
    const log = memory()
    const processes = await Promise.all(range(4).map(() => openBank({ log })))
    const sent = processes.flatMap(({ emaki }) => range(5).map(() => emaki.send(account.deposit('a', { cents: 5 }), { key })))
    const outcomes = await Promise.all(sent)
    expect(outcomes.filter(outcome => !('replayed' in outcome))).toHaveLength(1)
    for (const outcome of outcomes) expect(outcome).toMatchObject({ outcome: 'accepted', version: 1, position: 1 })
    expect(await log.head()).toBe(1)
  })
})

describe('a key that another process used in between', () => {
  const openTwoBanks = async () => {
    const log = memory()
    const [one, two] = await Promise.all([openBank({ log }), openBank({ log })])
    return { log, one, two }
  }

  test('a key that another process used in between answers its command, and the rest of the batch is decided again', async () => {
    const { log, one, two } = await openTwoBanks()
    const sendFromOther = () => two.emaki.send(account.deposit('a', { cents: 5 }), { key })
    one.store.next('append', comesAfter(sendFromOther))
    const outcomes = await Promise.all([
      one.emaki.send(account.deposit('a', { cents: 1 })),
      one.emaki.send(account.deposit('a', { cents: 5 }), { key }),
      one.emaki.send(account.withdraw('a', { cents: 6 })),
    ])
    expect(outcomes).toMatchObject([
      { outcome: 'accepted', version: 2 },
      { outcome: 'accepted', version: 1, replayed: true },
      { outcome: 'accepted', version: 3 },
    ])
    expect(await log.head()).toBe(3)
  })

  test('a key that another process used in between is not taken for its own where the outcome was unknown', async () => {
    const { log, one, two } = await openTwoBanks()
    one.store.next(
      'append',
      failsBefore('unknown'),
      comesAfter(() => two.emaki.send(account.deposit('a', { cents: 5 }), { key })),
    )
    expect(await one.emaki.send(account.deposit('a', { cents: 5 }), { key })).toMatchObject({ version: 1, replayed: true })
    expect(await log.head()).toBe(1)
  })
})

describe('a keyed command whose outcome is unknown', () => {
  test('a keyed command whose outcome is unknown is accepted once when it is sent again', async () => {
    const { emaki, store } = await openBank()
    store.next('append', failsAfter())
    const outcome = await emaki.send(account.deposit('a', { cents: 5 }), { key })
    expect(outcome).toMatchObject({ outcome: 'accepted', version: 1 })
    expect(outcome).not.toHaveProperty('replayed')
    expect(await store.head()).toBe(1)
  })

  test('a keyed command whose outcome is unknown and that was given up is accepted once when the caller sends it again', async () => {
    const { emaki, store } = await openBank()
    using clock = movableClock()
    store.always('append', call => failsAfter()(call).finally(() => clock.advance(60_000)))
    expect(await emaki.send(account.deposit('a', { cents: 5 }), { key, deadlineMs: 60_000 })).toMatchObject({
      outcome: 'unknown',
    })
    store.always('append', null)
    expect(await emaki.send(account.deposit('a', { cents: 5 }), { key })).toMatchObject({ version: 1, replayed: true })
    expect(await store.head()).toBe(1)
  })
})
