// Points 1, 2, 3, 5, 6 and 8 of the command path: commands share loads and appends, and a neighbour's failure is nobody else's.
import { describe, expect, test } from 'bun:test'
import { memoryBus } from '../ports/bus/memory.ts'
import { PayloadError } from '../definitions/event/payload.ts'
import { StoreError } from '../ports/store/errors.ts'
import type { Unit } from '../ports/store/unit.ts'
import { Account, account } from '../test-support/account.ts'
import { failsBefore } from '../test-support/failing-store.ts'
import { openBank, appendAsOther, range } from '../test-support/bank.ts'

const accepted = { outcome: 'accepted' } as const
const streamsOf = (units: readonly Unit[] | undefined) => units?.flatMap(({ slices }) => slices.map(({ stream }) => stream))

describe('a batch', () => {
  test('a batch takes sixty commands on one stream with one load and one append', async () => {
    const { emaki, store } = await openBank()
    const outcomes = await Promise.all(range(60).map(() => emaki.send(account.deposit('a', { cents: 1 }))))
    expect(outcomes.map(outcome => outcome.outcome === 'accepted' && outcome.version)).toEqual(range(60).map(i => i + 1))
    expect(store.calls).toMatchObject({ load: 1, append: 1 })
    expect(store.appends[0]).toHaveLength(1)
  })

  test('a batch takes commands on sixty streams with one load and one append', async () => {
    const { emaki, store } = await openBank()
    const outcomes = await Promise.all(range(60).map(i => emaki.send(account.deposit(`a${i}`, { cents: 1 }))))
    expect(outcomes.map(outcome => outcome.outcome === 'accepted' && outcome.position)).toEqual(range(60).map(i => i + 1))
    expect(store.calls).toMatchObject({ load: 1, append: 1 })
    expect(store.appends[0]).toHaveLength(60)
  })

  test('a batch is joined by all commands that came while the one before it was under way', async () => {
    const { emaki, store } = await openBank()
    const gate = store.hold('append')
    const first = emaki.send(account.deposit('a', { cents: 1 }))
    await gate.reached
    const later = range(60).map(i => emaki.send(account.deposit(i % 2 ? 'a' : `b${i}`, { cents: 1 })))
    gate.open()
    expect(await first).toMatchObject(accepted)
    for (const outcome of await Promise.all(later)) expect(outcome).toMatchObject(accepted)
    // Those on `a` go as soon as `a` is committed, those on new streams once they are loaded.
    expect(store.calls.append).toBeLessThanOrEqual(3)
  })

  test('a batch is loaded for while the one before it is under way', async () => {
    const { emaki, store } = await openBank()
    const append = store.hold('append')
    const first = emaki.send(account.deposit('a', { cents: 1 }))
    await append.reached
    const load = store.hold('load')
    const second = emaki.send(account.deposit('b', { cents: 1 }))
    await load.reached
    load.open()
    append.open()
    expect(await Promise.all([first, second])).toMatchObject([accepted, accepted])
  })

  test('a batch gives a long queue no more than its share', async () => {
    const { emaki, store } = await openBank()
    const hot = range(1_000).map(() => emaki.send(account.deposit('hot', { cents: 1 })))
    const other = emaki.send(account.deposit('other', { cents: 1 }))
    expect(await other).toMatchObject({ ...accepted, version: 1 })
    expect(streamsOf(store.appends[0])).toEqual(['account-hot', 'account-other'])
    expect(store.appends[0]![0]!.slices[0]!.events).toHaveLength(256)
    const outcomes = await Promise.all(hot)
    expect(outcomes.map(outcome => outcome.outcome === 'accepted' && outcome.version)).toEqual(range(1_000).map(i => i + 1))
    expect(store.calls.append).toBe(4)
  })

  test('a batch is bounded in bytes, for one stream and for many', async () => {
    const { emaki, store } = await openBank()
    const note = 'x'.repeat(400_000)
    await Promise.all(range(20).map(i => emaki.send(account.deposit(i < 10 ? 'a' : `b${i}`, { cents: 1, note }))))
    const sizes = store.appends.map(units =>
      units.flatMap(({ slices }) => slices.flatMap(({ events }) => events)).reduce((sum, { data }) => sum + data.length, 0),
    )
    expect(Math.max(...sizes)).toBeLessThan(3_000_000)
    expect(await store.head()).toBe(20)
  })

  test('a batch is bounded in units', async () => {
    const { emaki, store } = await openBank()
    await Promise.all(range(1_500).map(i => emaki.send(account.deposit(`a${i}`, { cents: 1 }))))
    expect(Math.max(...store.appends.map(units => units.length))).toBeLessThanOrEqual(1_024)
  })

  test('a batch has one unit for each stream, whatever is appended to it', async () => {
    const { emaki, store } = await openBank()
    const slice = (id: string) =>
      ({ stream: `account-${id}`, expect: 'any', events: [Account.Deposited({ cents: 1, note: '' })] }) as const
    const sent = range(40).flatMap<Promise<{ outcome: string }>>(i => [
      emaki.send(account.deposit(`a${i % 5}`, { cents: 1 })),
      emaki.append([slice(`a${i % 5}`), slice(`a${(i + 1) % 5}`)]),
    ])
    for (const { outcome } of await Promise.all(sent)) expect(['accepted', 'appended']).toContain(outcome)
    for (const units of store.appends) expect(new Set(streamsOf(units)).size).toBe(streamsOf(units)!.length)
    expect(await store.head()).toBe(40 + 80)
  })

  test('a batch keeps the order in which appends that share a stream arrived', async () => {
    const { emaki, store } = await openBank()
    const slice = (id: string, note: string) =>
      ({ stream: `account-${id}`, expect: 'any', events: [Account.Deposited({ cents: 1, note })] }) as const
    const gate = store.hold('append')
    const sent = [emaki.append([slice('a', '1')])]
    await gate.reached
    sent.push(emaki.append([slice('a', '2'), slice('b', '2')]), emaki.append([slice('b', '3')]), emaki.append([slice('c', '4')]))
    gate.open()
    await Promise.all(sent)
    const log = await store.readAll({ after: 0, limit: 10 })
    const notes = (id: string) =>
      log.filter(({ stream }) => stream === `account-${id}`).map(({ data }) => (JSON.parse(data) as { note: string }).note)
    expect([notes('a'), notes('b'), notes('c')]).toEqual([['1', '2'], ['2', '3'], ['4']])
    expect(streamsOf(store.appends[1])).toEqual(['account-a', 'account-b', 'account-c'])
  })
})

describe('decisions of a batch', () => {
  test('a batch decides each command on the state that the one before it leaves', async () => {
    const { emaki, store } = await openBank()
    const outcomes = await Promise.all([
      emaki.send(account.deposit('a', { cents: 10 })),
      emaki.send(account.withdraw('a', { cents: 10 })),
      emaki.send(account.withdraw('a', { cents: 10 })),
      emaki.send(account.touch('a', {})),
      emaki.send(account.deposit('a', { cents: 5, times: 3 })),
    ])
    expect(outcomes).toMatchObject([
      { ...accepted, version: 1, position: 1 },
      { ...accepted, version: 2, position: 2 },
      { outcome: 'rejected', code: 'insufficient', data: { balance: 0, version: 2 } },
      { ...accepted, version: 2, position: 2, events: [] },
      { ...accepted, version: 5, position: 5 },
    ])
    expect(store.calls.append).toBe(1)
  })

  test('a batch compares the precondition of a command with its version in the batch', async () => {
    const { emaki, store } = await openBank()
    const deposit = (expect: number | 'exists') => emaki.send(account.deposit('a', { cents: 1 }), { expect })
    expect(
      await Promise.all([deposit('exists'), deposit(0), deposit(0), deposit(1), deposit('exists'), deposit(9)]),
    ).toMatchObject([
      { outcome: 'conflict', expected: 'exists', actual: 0 },
      { ...accepted, version: 1 },
      { outcome: 'conflict', expected: 0, actual: 1 },
      { ...accepted, version: 2 },
      { ...accepted, version: 3 },
      { outcome: 'conflict', expected: 9, actual: 3 },
    ])
    expect(store.calls.append).toBe(1)
  })

  test('a batch passes over a decision that throws', async () => {
    const { emaki, store } = await openBank()
    const first = emaki.send(account.deposit('a', { cents: 1 }))
    const broken = emaki.send(account.explode('a', {}))
    const last = emaki.send(account.deposit('a', { cents: 1 }))
    const other = emaki.send(account.deposit('b', { cents: 1 }))
    expect(broken).rejects.toThrow('a secret of the decision')
    expect(await Promise.all([first, last, other])).toMatchObject([{ version: 1 }, { version: 2 }, { version: 1 }])
    expect(store.calls.append).toBe(1)
  })

  test('a batch passes over events that JSON would change', async () => {
    const { emaki, store } = await openBank()
    const first = emaki.send(account.deposit('a', { cents: 5 }))
    const broken = emaki.send(account.deposit('a', { cents: 100, note: '\ud800' }))
    const last = emaki.send(account.withdraw('a', { cents: 6 }))
    expect(broken).rejects.toThrow(PayloadError)
    expect(await first).toMatchObject({ ...accepted, version: 1 })
    expect(await last).toMatchObject({ outcome: 'rejected', data: { balance: 5, version: 1 } })
    expect(await store.head()).toBe(1)
  })

  test('a batch of which every command fails lets the stream go on', async () => {
    const { emaki, store } = await openBank()
    expect(emaki.send(account.explode('a', {}))).rejects.toThrow()
    expect(await emaki.send(account.deposit('a', { cents: 1 }))).toMatchObject(accepted)
    expect(store.calls.append).toBe(1)
  })
})

describe('a unit that the store refuses', () => {
  const openRefusingBank = (poison: string) => async () => {
    const bank = await openBank()
    bank.store.always('append', call => {
      const units = bank.store.appends.at(-1)!
      const bad = units.some(({ slices }) => slices.some(({ events }) => events.some(({ data }) => data.includes(poison))))
      return bad ? Promise.reject(new StoreError('refused', 'it cannot hold this')) : call()
    })
    return bank
  }

  test('a unit that the store refuses fails alone among the units of its batch', async () => {
    const { emaki, store } = await openRefusingBank('poison')()
    const sent = range(64).map(i => emaki.send(account.deposit(`a${i}`, { cents: 1, note: i === 37 ? 'poison' : '' })))
    const outcomes = await Promise.allSettled(sent)
    expect(outcomes.flatMap(({ status }, i) => (status === 'rejected' ? [i] : []))).toEqual([37])
    expect(await store.head()).toBe(63)
    // Halves of a batch of 64: twelve appends beside the first.
    expect(store.calls.append).toBeLessThanOrEqual(13)
  })

  test('a command that the store refuses fails alone among the commands of its stream', async () => {
    const { emaki, store } = await openRefusingBank('poison')()
    const sent = range(10).map(i => emaki.send(account.deposit('a', { cents: 1, note: i === 3 ? 'poison' : String(i) })))
    const outcomes = await Promise.allSettled(sent)
    expect(outcomes.flatMap(({ status }, i) => (status === 'rejected' ? [i] : []))).toEqual([3])
    const log = await store.readAll({ after: 0, limit: 100 })
    expect(log.map(({ data }) => (JSON.parse(data) as { note: string }).note)).toEqual([
      '0',
      '1',
      '2',
      '4',
      '5',
      '6',
      '7',
      '8',
      '9',
    ])
  })
})

describe('a conflict on one stream', () => {
  test('a conflict on one stream leaves the other units of the batch as they are', async () => {
    const { emaki, store } = await openBank()
    await Promise.all(range(8).map(i => emaki.send(account.deposit(`a${i}`, { cents: 1 }))))
    await appendAsOther(store, 'account-a3')
    const { append, load } = store.calls
    const outcomes = await Promise.all(range(8).map(i => emaki.send(account.deposit(`a${i}`, { cents: 1 }))))
    expect(outcomes.map(outcome => outcome.outcome === 'accepted' && outcome.version)).toEqual([2, 2, 2, 3, 2, 2, 2, 2])
    expect(store.calls).toMatchObject({ append: append + 2, load })
    expect(streamsOf(store.appends.at(-1))).toEqual(['account-a3'])
  })
})

describe('a load', () => {
  test('a load that one stream breaks is harmless to the others', async () => {
    const { emaki, store } = await openBank()
    store.always('load', call =>
      call().then(found => {
        if (store.wanted.includes('account-broken')) throw new SyntaxError('JSON Parse error')
        return found
      }),
    )
    const sent = range(8).map(i => emaki.send(account.deposit(i === 5 ? 'broken' : `a${i}`, { cents: 1 })))
    const outcomes = await Promise.allSettled(sent)
    expect(outcomes.flatMap(({ status }, i) => (status === 'rejected' ? [i] : []))).toEqual([5])
  })

  test('a load that fails for now appends nothing, and the next command loads again', async () => {
    const { emaki, store } = await openBank()
    store.next('load', failsBefore())
    const sent = range(4).map(i => emaki.send(account.deposit(`a${i}`, { cents: 1 })))
    for (const outcome of await Promise.all(sent)) expect(outcome).toEqual({ outcome: 'unavailable', retryAfterMs: 1_000 })
    expect(store.calls.append).toBe(0)
    expect(await emaki.send(account.deposit('a0', { cents: 1 }))).toMatchObject({ ...accepted, version: 1 })
  })
})

describe('publishing a batch', () => {
  test('appended events are published after their commit, in log order', async () => {
    const bus = memoryBus()
    const { emaki, store } = await openBank({ bus })
    const seen: string[] = []
    bus.listen(page => seen.push(...page.map(({ stream, version, position }) => `${stream} ${version} ${position}`)))
    const gate = store.hold('append')
    const sent = range(3).map(i => emaki.send(account.deposit(`a${i % 2}`, { cents: 1 })).then(() => seen.push(`answered ${i}`)))
    await gate.reached
    expect(seen).toEqual([])
    gate.open()
    await Promise.all(sent)
    const stored = await store.readAll({ after: 0, limit: 10 })
    const published = seen.filter(line => !line.startsWith('answered'))
    expect(published).toEqual(stored.map(({ stream, version, position }) => `${stream} ${version} ${position}`))
  })

  test('appended events are appended once where the bus throws, which is reported', async () => {
    const bus = memoryBus()
    const reported: unknown[] = []
    const { emaki, store } = await openBank({
      bus: {
        ...bus,
        listeners: 1,
        publish: () => {
          throw new Error('no bus')
        },
      },
      report: error => void reported.push(error),
    })
    const sent = range(4).map(i => emaki.send(account.deposit(`a${i}`, { cents: 1 })))
    for (const outcome of await Promise.all(sent)) expect(outcome).toMatchObject({ ...accepted, version: 1 })
    expect(await emaki.send(account.deposit('a0', { cents: 1 }))).toMatchObject({ ...accepted, version: 2 })
    expect(await store.head()).toBe(5)
    expect(reported.length).toBeGreaterThan(0)
  })
})
