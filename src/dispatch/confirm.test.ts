// Point 7 of the command path: a decision without events is answered only when what it rests on is in the log.
import { describe, expect, test } from 'bun:test'
import { account } from '../test-support/account.ts'
import { openBank, appendAsOther, range } from '../test-support/bank.ts'
import { comesAfter, failsBefore } from '../test-support/failing-store.ts'

const insufficient = (balance: number, version: number) =>
  ({ outcome: 'rejected', code: 'insufficient', data: { balance, version } }) as const

describe('a decision without events', () => {
  test('a decision without events needs no append where the stream was loaded after the command came', async () => {
    const { emaki, store } = await openBank()
    const sent = [emaki.send(account.withdraw('a', { cents: 5 })), emaki.send(account.touch('a', {}))]
    expect(await Promise.all(sent)).toMatchObject([insufficient(0, 0), { outcome: 'accepted', version: 0, position: 0 }])
    expect(store.calls).toMatchObject({ load: 1, append: 0 })
  })

  test('a decision without events is confirmed by an append that writes nothing where the state was known before', async () => {
    const { emaki, store } = await openBank()
    await emaki.send(account.deposit('a', { cents: 5 }))
    const sent = [emaki.send(account.withdraw('a', { cents: 6 })), emaki.send(account.touch('a', {}))]
    expect(await Promise.all(sent)).toMatchObject([insufficient(5, 1), { outcome: 'accepted', version: 1, position: 1 }])
    expect(store.appends.slice(1)).toEqual([[{ slices: [{ stream: 'account-a', expect: 1, events: [] }], keys: [] }]])
    expect(store.calls.load).toBe(1)
    expect(await store.head()).toBe(1)
  })

  test('a decision without events shares the batch of others', async () => {
    const { emaki, store } = await openBank()
    await Promise.all(range(4).map(i => emaki.send(account.deposit(`a${i}`, { cents: 5 }))))
    const sent = range(4).map(i =>
      emaki.send(i % 2 ? account.withdraw(`a${i}`, { cents: 6 }) : account.deposit(`a${i}`, { cents: 5 })),
    )
    expect((await Promise.all(sent)).map(({ outcome }) => outcome)).toEqual(['accepted', 'rejected', 'accepted', 'rejected'])
    expect(store.calls.append).toBe(2)
  })

  test('a decision without events is decided again where another process wrote', async () => {
    const { emaki, store } = await openBank()
    await emaki.send(account.deposit('a', { cents: 5 }))
    await appendAsOther(store, 'account-a')
    expect(await emaki.send(account.withdraw('a', { cents: 6 }))).toMatchObject({ outcome: 'accepted', version: 3 })
    await appendAsOther(store, 'account-a')
    expect(await emaki.send(account.withdraw('a', { cents: 6 }))).toMatchObject(insufficient(1, 4))
  })

  test('a decision without events is answered only when the batch that it was decided on has committed', async () => {
    const { emaki, store } = await openBank()
    const gate = store.hold('append')
    const sent = [
      emaki.send(account.deposit('a', { cents: 5 })),
      emaki.send(account.withdraw('a', { cents: 6 })),
      emaki.send(account.touch('a', {})),
      emaki.send(account.deposit('a', { cents: 1 }), { expect: 0 }),
    ]
    await gate.reached
    expect(sent.map(promise => Bun.peek.status(promise))).toEqual(['pending', 'pending', 'pending', 'pending'])
    gate.open()
    expect(await Promise.all(sent)).toMatchObject([
      { outcome: 'accepted', version: 1 },
      insufficient(5, 1),
      { outcome: 'accepted', version: 1, position: 1 },
      { outcome: 'conflict', expected: 0, actual: 1 },
    ])
  })

  test('a decision without events is not answered where the batch that it was decided on failed', async () => {
    const { emaki, store } = await openBank()
    store.next('append', failsBefore())
    const sent = [emaki.send(account.deposit('a', { cents: 5 })), emaki.send(account.withdraw('a', { cents: 6 }))]
    expect(await Promise.all(sent)).toMatchObject([{ outcome: 'unavailable' }, { outcome: 'unavailable' }])
    expect(await emaki.send(account.withdraw('a', { cents: 6 }))).toMatchObject(insufficient(0, 0))
  })

  test('a decision without events is decided again with the batch that lost its stream', async () => {
    const { emaki, store } = await openBank()
    store.next(
      'append',
      comesAfter(() => appendAsOther(store, 'account-a')),
    )
    const sent = [emaki.send(account.deposit('a', { cents: 5 })), emaki.send(account.withdraw('a', { cents: 6 }))]
    expect(await Promise.all(sent)).toMatchObject([
      { outcome: 'accepted', version: 2 },
      { outcome: 'accepted', version: 3 },
    ])
  })

  test('a decision without events is not answered from a cache while the store does not answer', async () => {
    const { emaki, store } = await openBank()
    await emaki.send(account.deposit('a', { cents: 5 }))
    store.next('append', failsBefore())
    expect(await emaki.send(account.withdraw('a', { cents: 6 }))).toMatchObject({ outcome: 'unavailable' })
  })

  test('a decision without events writes its key and nothing else where it has one', async () => {
    const { emaki, store } = await openBank()
    await emaki.send(account.deposit('a', { cents: 5 }))
    expect(await emaki.send(account.withdraw('a', { cents: 6 }), { key: 'k' })).toMatchObject(insufficient(5, 1))
    expect(store.appends.at(-1)![0]).toMatchObject({ slices: [{ events: [] }], keys: [{ version: 1, count: 0 }] })
  })
})
