// Point 9 of the command path: what another process wrote is folded, and the commands are decided again.
import { describe, expect, test } from 'bun:test'
import { memory } from '../ports/store/memory.ts'
import { MISSED_BYTES_MAX } from '../ports/store/unit.ts'
import { account } from '../test-support/account.ts'
import { appendAsOther, openBank, range } from '../test-support/bank.ts'
import { comesAfter } from '../test-support/failing-store.ts'
import { movableClock } from '../test-support/movable-clock.ts'

const openWarmBank = async () => {
  const bank = await openBank()
  await bank.emaki.send(account.deposit('a', { cents: 5 }))
  return bank
}

describe('a conflict', () => {
  test('a conflict brings the missed events, so that nothing is loaded again', async () => {
    const { emaki, store } = await openWarmBank()
    await appendAsOther(store, 'account-a')
    await appendAsOther(store, 'account-a')
    const outcomes = await Promise.all([
      emaki.send(account.withdraw('a', { cents: 7 })),
      emaki.send(account.withdraw('a', { cents: 1 })),
    ])
    expect(outcomes).toMatchObject([
      { outcome: 'accepted', version: 4 },
      { outcome: 'rejected', data: { balance: 0, version: 4 } },
    ])
    expect(store.calls).toMatchObject({ load: 1, append: 3 })
  })

  test('a conflict that cannot send all missed events has the stream loaded again', async () => {
    const { emaki, store } = await openWarmBank()
    await appendAsOther(store, 'account-a', 'x'.repeat(MISSED_BYTES_MAX))
    expect(await emaki.send(account.withdraw('a', { cents: 6 }))).toMatchObject({ outcome: 'accepted', version: 3 })
    expect(store.calls).toMatchObject({ load: 2, append: 3 })
  })

  test('a conflict with another process fails a precondition, and decides the rest again', async () => {
    const { emaki, store } = await openWarmBank()
    store.next(
      'append',
      comesAfter(() => appendAsOther(store, 'account-a')),
    )
    const outcomes = await Promise.all([
      emaki.send(account.deposit('a', { cents: 1 }), { expect: 1 }),
      emaki.send(account.deposit('a', { cents: 1 })),
      emaki.send(account.deposit('a', { cents: 1 }), { expect: 'exists' }),
      emaki.send(account.deposit('a', { cents: 1 }), { expect: 4 }),
    ])
    expect(outcomes).toMatchObject([
      { outcome: 'conflict', expected: 1, actual: 2 },
      { outcome: 'accepted', version: 3 },
      { outcome: 'accepted', version: 4 },
      { outcome: 'accepted', version: 5 },
    ])
  })

  test('a conflict is returned after 200 attempts, with the expected and the actual version', async () => {
    const { emaki, store } = await openWarmBank()
    store.always(
      'append',
      comesAfter(() => appendAsOther(store, 'account-a')),
    )
    const outcome = await emaki.send(account.deposit('a', { cents: 1 }), { deadlineMs: 60_000 })
    expect(outcome).toEqual({ outcome: 'conflict', expected: 200, actual: 201 })
    expect(store.calls.append).toBe(1 + 200)
    store.always('append', null)
    expect(await emaki.send(account.deposit('a', { cents: 1 }))).toMatchObject({ outcome: 'accepted', version: 202 })
  })

  test('a conflict ends a command at its deadline', async () => {
    const { emaki, store } = await openWarmBank()
    using clock = movableClock()
    store.always(
      'append',
      comesAfter(() => appendAsOther(store, 'account-a').then(() => clock.advance(60_000))),
    )
    expect(await emaki.send(account.deposit('a', { cents: 1 }), { deadlineMs: 60_000 })).toMatchObject({ outcome: 'unavailable' })
    const { data } = (await store.readAll({ after: 0, limit: 1_000 })).at(-1)!
    expect(data).toContain('foreign')
  })
})

describe('a stream that has lost batches', () => {
  test('a stream that has lost two batches goes alone in the next', async () => {
    const { emaki, store } = await openWarmBank()
    await emaki.send(account.deposit('b', { cents: 1 }))
    const lose = comesAfter(() => appendAsOther(store, 'account-a'))
    store.next('append', lose, lose)
    const before = store.appends.length
    const contested = emaki.send(account.deposit('a', { cents: 1 }))
    const others = async () => {
      for (;;) {
        await emaki.send(account.deposit('b', { cents: 1 }))
        if (Bun.peek.status(contested) !== 'pending') return
      }
    }
    await Promise.all([contested, others()])
    const batches = store.appends.slice(before).filter(units => units.some(({ slices }) => slices[0]!.stream === 'account-a'))
    expect(batches).toHaveLength(3)
    expect(batches[2]).toHaveLength(1)
  })

  test('a stream that has lost two batches is loaded again after it has won, so that others get their turn', async () => {
    const { emaki, store } = await openWarmBank()
    store.next(
      'append',
      comesAfter(() => appendAsOther(store, 'account-a')),
    )
    await emaki.send(account.deposit('a', { cents: 1 }))
    const { load } = store.calls
    await emaki.send(account.deposit('a', { cents: 1 }))
    expect(store.calls.load).toBe(load + 1)
    await emaki.send(account.deposit('a', { cents: 1 }))
    expect(store.calls.load).toBe(load + 1)
  })
})

describe('four processes', () => {
  test('four processes with sixteen callers each on one stream give nobody a conflict', async () => {
    const log = memory()
    const processes = await Promise.all(range(4).map(() => openBank({ log })))
    for (const { store } of processes)
      store.always('append', async call => {
        await new Promise(resolve => setImmediate(resolve))
        return call()
      })
    const caller = async (emaki: (typeof processes)[number]['emaki']) => {
      const outcomes: string[] = []
      for (const _ of range(10)) outcomes.push((await emaki.send(account.deposit('hot', { cents: 1 }))).outcome)
      return outcomes
    }
    const outcomes = await Promise.all(processes.flatMap(({ emaki }) => range(16).map(() => caller(emaki))))
    expect(new Set(outcomes.flat())).toEqual(new Set(['accepted']))
    expect(await log.head()).toBe(640)
  })
})
