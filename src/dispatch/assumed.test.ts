// Commands whose streams are nearly always new are decided as if they were, without asking; the append finds out where they are not.
import { beforeEach, describe, expect, test } from 'bun:test'
import type { Runtime } from '../runtime.ts'
import { account } from '../test-support/account.ts'
import { openBank, appendAsOther, range } from '../test-support/bank.ts'
import type { FailingStore } from '../test-support/failing-store.ts'
import { failsAfter, failsBefore } from '../test-support/failing-store.ts'

let emaki: Runtime
let store: FailingStore

/** A process that has seen every command on new streams only, and now knows nothing of the stream `a`, which has two events. */
beforeEach(async () => {
  const bank = await openBank({ states: { entries: 1 } })
  emaki = bank.emaki
  store = bank.store
  await appendAsOther(store, 'account-a')
  await appendAsOther(store, 'account-a')
  const firsts = range(40).flatMap(i => [
    emaki.send(account.deposit(`d${i}`, { cents: 1 })),
    emaki.send(account.withdraw(`w${i}`, { cents: 1 })),
    emaki.send(account.touch(`t${i}`, {})),
  ])
  await Promise.all(firsts)
})

describe('streams that are assumed to be new', () => {
  test('a stream that is rightly assumed to be new costs no load', async () => {
    const { load, append } = store.calls
    const outcomes = await Promise.all(range(20).map(i => emaki.send(account.deposit(`new${i}`, { cents: 1 }))))
    expect(outcomes.every(outcome => outcome.outcome === 'accepted' && outcome.version === 1)).toBeTrue()
    expect(store.calls).toMatchObject({ load, append: append + 1 })
  })

  test('a stream that is wrongly assumed to be new is known by the conflict, and the command is decided on what it has', async () => {
    const { load } = store.calls
    const sent = [
      emaki.send(account.withdraw('a', { cents: 2 })),
      emaki.send(account.withdraw('a', { cents: 2 })),
      emaki.send(account.deposit('a', { cents: 5 }), { expect: 3 }),
      emaki.send(account.deposit('a', { cents: 5 }), { expect: 0 }),
      emaki.send(account.deposit('a', { cents: 5 }), { expect: 'exists' }),
    ]
    expect(await Promise.all(sent)).toMatchObject([
      { outcome: 'accepted', version: 3 },
      { outcome: 'rejected', data: { balance: 0, version: 3 } },
      { outcome: 'accepted', version: 4 },
      { outcome: 'conflict', expected: 0, actual: 4 },
      { outcome: 'accepted', version: 5 },
    ])
    expect(store.calls.load).toBe(load)
  })

  test('a stream is not assumed to be new where a decision gives no events', async () => {
    expect(await emaki.send(account.withdraw('a', { cents: 3 }))).toMatchObject({
      outcome: 'rejected',
      data: { balance: 2, version: 2 },
    })
    expect(await emaki.send(account.deposit('other', { cents: 1 }))).toMatchObject({ outcome: 'accepted', version: 1 })
    expect(await emaki.send(account.touch('a', {}))).toMatchObject({ outcome: 'accepted', version: 2, position: 2 })
    expect(await emaki.send(account.withdraw('nobody', { cents: 3 }))).toMatchObject({ data: { balance: 0, version: 0 } })
  })

  test('a stream is not assumed to be new where a command has a precondition', async () => {
    const sent = [2, 0, 'exists' as const].map(expected => emaki.send(account.withdraw('a', { cents: 1 }), { expect: expected }))
    expect(await Promise.all(sent)).toMatchObject([
      { outcome: 'accepted', version: 3 },
      { outcome: 'conflict', expected: 0, actual: 3 },
      { outcome: 'accepted', version: 4 },
    ])
  })

  test('a command on a stream that is assumed to be new has its keys looked up', async () => {
    const key = 'k'
    const first = await emaki.send(account.deposit('keyed', { cents: 5 }), { key })
    await emaki.send(account.deposit('other', { cents: 1 }))
    expect(await emaki.send(account.deposit('keyed', { cents: 5 }), { key })).toEqual({ ...first, replayed: true } as never)
  })

  test('an append to a stream that is assumed to be new is sent again when its outcome is unknown', async () => {
    store.next('append', failsAfter())
    expect(await emaki.send(account.deposit('new', { cents: 5 }))).toMatchObject({ outcome: 'accepted', version: 1 })
    expect(await store.read('account-new', { after: 0, limit: 10 })).toHaveLength(1)
  })

  test('a stream that is assumed to be new is neither shown as empty nor cached where its command fails', async () => {
    store.next('append', failsBefore())
    expect(await emaki.send(account.deposit('a', { cents: 5 }))).toMatchObject({ outcome: 'unavailable' })
    expect(await emaki.state('account', 'a')).toMatchObject({ version: 2 })
    const gate = store.hold('append')
    const sent = emaki.send(account.deposit('a', { cents: 5 }))
    await gate.reached
    expect(await emaki.state('account', 'a')).toMatchObject({ version: 2 })
    gate.open()
    expect(await sent).toMatchObject({ outcome: 'accepted', version: 3 })
  })

  test('a stream is loaded again once too many assumptions were wrong', async () => {
    await Promise.all(range(10).map(i => appendAsOther(store, `account-old${i}`)))
    for (const i of range(10)) await emaki.send(account.deposit(`old${i}`, { cents: 1 }))
    const { load, append } = store.calls
    await appendAsOther(store, 'account-b')
    expect(await emaki.send(account.deposit('b', { cents: 1 }))).toMatchObject({ outcome: 'accepted', version: 2 })
    expect(store.calls).toMatchObject({ load: load + 1, append: append + 1 })
  })
})
