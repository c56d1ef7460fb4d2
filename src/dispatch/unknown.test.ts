// An append that may or may not have happened is said again with the same ids; reading never settles it.
import { describe, expect, test } from 'bun:test'
import { memory } from '../ports/store/memory.ts'
import { Account, account } from '../test-support/account.ts'
import { appendAsOther, openBank, range } from '../test-support/bank.ts'
import { comesAfter, failsAfter, failsBefore } from '../test-support/failing-store.ts'
import { movableClock } from '../test-support/movable-clock.ts'

const accepted = { outcome: 'accepted' } as const

describe('an append whose outcome is unknown', () => {
  test('an append whose outcome is unknown is sent again with the same ids, and is its own success where it had happened', async () => {
    const { emaki, store } = await openBank()
    store.next('append', failsAfter(), failsAfter())
    const sent = [emaki.send(account.deposit('a', { cents: 5, times: 3 })), emaki.send(account.withdraw('a', { cents: 16 }))]
    expect(await Promise.all(sent)).toMatchObject([
      { ...accepted, version: 3, position: 3 },
      { outcome: 'rejected', data: { balance: 15, version: 3 } },
    ])
    expect(store.appends).toHaveLength(3)
    expect(store.appends[1]).toEqual(store.appends[0]!)
    expect(store.appends[2]).toEqual(store.appends[0]!)
    expect(await store.head()).toBe(3)
  })

  test('an append whose outcome is unknown is sent again, and appended then where it had not happened', async () => {
    const { emaki, store } = await openBank()
    store.next('append', failsBefore('unknown'))
    expect(await emaki.send(account.deposit('a', { cents: 5 }))).toMatchObject({ ...accepted, version: 1 })
    expect(await store.head()).toBe(1)
  })

  test('an append whose outcome is unknown is its own success where it happens only after it was sent again', async () => {
    const log = memory()
    const { emaki, store } = await openBank({ log })
    store.next(
      'append',
      failsBefore('unknown'),
      comesAfter(() => log.append(store.appends[0]!)),
    )
    expect(await emaki.send(account.deposit('a', { cents: 5 }))).toMatchObject({ ...accepted, version: 1 })
    expect(await store.head()).toBe(1)
  })

  test('an append whose outcome is unknown is decided again, as new events, where another process took its place', async () => {
    const { emaki, store } = await openBank()
    store.next(
      'append',
      failsBefore('unknown'),
      comesAfter(() => appendAsOther(store, 'account-a')),
    )
    expect(await emaki.send(account.deposit('a', { cents: 5 }))).toMatchObject({ ...accepted, version: 2 })
    expect(await store.head()).toBe(2)
    const ids = store.appends.map(units => units[0]!.slices[0]!.events[0]!.id)
    expect(ids[1]).toBe(ids[0]!)
    expect(ids[2]).not.toBe(ids[0]!)
  })

  test('an append whose outcome is unknown is settled for each unit of its batch', async () => {
    const { emaki, store } = await openBank()
    await Promise.all(range(6).map(i => emaki.send(account.deposit(`a${i}`, { cents: 5 }))))
    await appendAsOther(store, 'account-a2')
    store.next('append', failsAfter())
    const outcomes = await Promise.all(
      range(6).map(i => emaki.send(i === 4 ? account.withdraw('a4', { cents: 9 }) : account.deposit(`a${i}`, { cents: 5 }))),
    )
    expect(outcomes).toMatchObject([
      { version: 2 },
      { version: 2 },
      { version: 3 },
      { version: 2 },
      { outcome: 'rejected', data: { balance: 5, version: 1 } },
      { version: 2 },
    ])
    expect(await store.head()).toBe(6 + 1 + 5)
  })

  test('an append whose outcome is unknown stays so at the deadline, and later commands are decided on what the log says then', async () => {
    const { emaki, store } = await openBank()
    using clock = movableClock()
    store.always('append', call => failsAfter()(call).finally(() => clock.advance(60_000)))
    expect(await emaki.send(account.deposit('a', { cents: 5 }), { deadlineMs: 60_000 })).toEqual({
      outcome: 'unknown',
      retryAfterMs: 1_000,
    })
    store.always('append', null)
    expect(await emaki.send(account.withdraw('a', { cents: 5 }))).toMatchObject({ ...accepted, version: 2 })
  })

  test('an append whose outcome is unknown is not taken for a failure when the store then says that it is unavailable', async () => {
    const { emaki, store } = await openBank()
    store.next('append', failsAfter(), failsBefore('unavailable'), failsBefore('full'), failsBefore('refused'))
    expect(await emaki.send(account.deposit('a', { cents: 5 }))).toMatchObject({ ...accepted, version: 1 })
    expect(await store.head()).toBe(1)
  })

  test('an append whose outcome is unknown is still in doubt while its events cannot be read', async () => {
    const { emaki, store } = await openBank()
    store.next('append', failsAfter())
    store.next('read', failsBefore())
    expect(await emaki.send(account.deposit('a', { cents: 5 }))).toMatchObject({ ...accepted, version: 1 })
    expect(store.calls.append).toBe(3)
    expect(await store.head()).toBe(1)
  })

  test('an append whose outcome is unknown is sent again where an error that is no StoreError hides it, and never done twice', async () => {
    const { emaki, store } = await openBank()
    store.next('append', async call => {
      await call()
      throw new TypeError('an answer that nobody can read')
    })
    const sent = range(4).map(i => emaki.send(account.deposit(`a${i}`, { cents: 5 })))
    const outcomes = await Promise.allSettled(sent)
    expect(outcomes.map(({ status }) => status)).toEqual(range(4).map(() => 'rejected' as const))
    expect(await store.head()).toBe(4)
    expect(await emaki.send(account.withdraw('a1', { cents: 6 }))).toMatchObject({ data: { balance: 5, version: 1 } })
  })
})

describe('an append without a decision', () => {
  const deposit = (expect: number | 'any' | 'exists') =>
    ({ stream: 'account-a', expect, events: [Account.Deposited({ cents: 5, note: '' })] }) as const

  test('an append without a decision is sent again where its expectation is exact', async () => {
    const { emaki, store } = await openBank()
    store.next('append', failsAfter())
    expect(await emaki.append([deposit(0)])).toEqual({
      outcome: 'appended',
      slices: [{ stream: 'account-a', version: 1, position: 1 }],
    })
    expect(await store.head()).toBe(1)
  })

  test('an append without a decision is not sent again where it expects anything, or only that the stream exists', async () => {
    const { emaki, store } = await openBank()
    for (const expected of ['any', 'exists'] as const) {
      store.next('append', failsAfter())
      expect(await emaki.append([deposit(expected)])).toEqual({ outcome: 'unknown', retryAfterMs: 1_000 })
    }
    expect(store.calls.append).toBe(2)
    expect(await store.head()).toBe(2)
  })

  test('an append without a decision names the streams that were not as expected, and appends to none of them', async () => {
    const { emaki, store } = await openBank()
    await appendAsOther(store, 'account-b')
    const outcome = await emaki.append([deposit(0), { ...deposit(0), stream: 'account-b' }])
    expect(outcome).toEqual({ outcome: 'conflict', conflicts: [{ stream: 'account-b', expected: 0, actual: 1 }] })
    expect(await store.head()).toBe(1)
  })

  test('an append without a decision is unavailable while the store is, and thrown where it is refused', async () => {
    const { emaki, store } = await openBank()
    store.next('append', failsBefore(), failsBefore('full'), failsBefore('refused'))
    expect(await emaki.append([deposit('any')])).toMatchObject({ outcome: 'unavailable' })
    expect(await emaki.append([deposit('any')])).toMatchObject({ outcome: 'unavailable', full: true })
    expect(emaki.append([deposit('any')])).rejects.toThrow('made to fail before')
  })

  test('an append without a decision is refused for a stream of no category that is served', async () => {
    const { emaki } = await openBank()
    const slice = deposit('any')
    expect(() => emaki.append([])).toThrow('names each of its streams once')
    expect(() => emaki.append([slice, slice])).toThrow('names each of its streams once')
    for (const stream of ['account', '-a', 'account-', 'order-a', 'account-\0'])
      expect(() => emaki.append([{ ...slice, stream }])).toThrow(TypeError)
    for (const expected of [-1, -2, 1.5, Number.NaN, 'none' as never])
      expect(() => emaki.append([{ ...slice, expect: expected }])).toThrow('expected a version, exists or any')
    const stranger = { category: 'order', type: 'Deposited', data: {} }
    expect(() => emaki.append([{ ...slice, events: [stranger] }])).toThrow('does not belong to account-a')
  })
})
