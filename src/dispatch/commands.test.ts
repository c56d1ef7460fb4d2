import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { decider } from '../definitions/decider/decider.ts'
import { events, spec } from '../definitions/event/events.ts'
import { UnreadableEvent } from '../definitions/event/read.ts'
import { LOAD_FACTS_MAX } from '../ports/store/load.ts'
import { memory } from '../ports/store/memory.ts'
import { Account, account } from '../test-support/account.ts'
import { openBank, range } from '../test-support/bank.ts'
import { failingStore } from '../test-support/failing-store.ts'
import { until } from '../test-support/servers/until.ts'
import { runtime } from '../runtime.ts'

describe('runtime()', () => {
  test('runtime() refuses definitions that it cannot serve', () => {
    expect(runtime({ serve: [account, account] })).rejects.toThrow('two deciders are named account')
    const takes = 'serve takes deciders, projections, processors, processes, queries, schedules, measures and inboxes; found '
    expect(runtime({ serve: [Account as never] })).rejects.toThrow(
      `${takes}the family account: serve what decides or reads the events of a family, and not the family`,
    )
    expect(runtime({ serve: [account, undefined as never] })).rejects.toThrow(
      `${takes}undefined as number 2 of them, as of two files that import each other`,
    )
    for (const wrong of [{}, null, 7, 'orders'])
      expect(runtime({ serve: [wrong as never] })).rejects.toThrow(`${takes}${Bun.inspect(wrong)}`)
  })

  test('runtime() opens its store, and closes it', async () => {
    const { emaki, store } = await openBank()
    expect(store.calls.open).toBe(1)
    await emaki.close()
  })
})

describe('send()', () => {
  test('send(), append() and state() refuse an option that there is not, and name the nearest one', async () => {
    const { emaki, store } = await openBank()
    const deposit = account.deposit('a', { cents: 1 })
    expect(emaki.send(deposit, { actr: 'ann' } as never)).rejects.toThrow('send has no option actr; did you mean actor?')
    expect(() => emaki.append([], { ky: 'k' } as never)).toThrow('append has no option ky; did you mean key?')
    expect(emaki.state(account, 'a', { versoin: 1 } as never)).rejects.toThrow(
      'state has no option versoin; did you mean version?',
    )
    expect(store.calls).toMatchObject({ load: 0, append: 0 })
  })

  test('send() says where data does not fit, and appends nothing', async () => {
    const { emaki, store } = await openBank()
    expect(await emaki.send(account.deposit('a', { cents: -1, note: 5 as never }))).toEqual({
      outcome: 'invalid',
      issues: [
        { path: '/cents', message: expect.any(String) },
        { path: '/note', message: expect.any(String) },
      ],
    } as never)
    expect(store.calls).toMatchObject({ load: 0, append: 0 })
  })

  test.each([
    ['', '1 to 400'],
    ['\0', 'NUL'],
    ['\ud800', 'surrogate'],
    ['x'.repeat(401), '400'],
    ['..', 'no URL'],
  ])('send() says what is wrong with the id %j', async (id, why) => {
    const { emaki } = await openBank()
    const outcome = await emaki.send(account.deposit(id, { cents: 1 }))
    expect(outcome).toEqual({ outcome: 'invalid', issues: [{ path: '/id', message: expect.stringContaining(why) }] } as never)
  })

  test.each([
    ['key', 'a key'],
    ['actor', 'an actor'],
    ['initiator', 'an initiator'],
    ['correlation', 'a correlation'],
    ['causation', 'a causation'],
  ])('send() says where the %s is no name, and append() throws', async (name, what) => {
    const { emaki, store } = await openBank()
    const message = `${what} has at most 400 characters, and this has 401`
    const options = { [name]: 'x'.repeat(401) }
    const outcome = await emaki.send(account.deposit('a', { cents: 1 }), options)
    expect(outcome).toEqual({ outcome: 'invalid', issues: [{ path: `/${name}`, message }] } as never)
    const slice = { stream: 'account-a', expect: 0, events: [Account.Deposited({ cents: 1, note: '' })] } as const
    expect(() => emaki.append([slice], options)).toThrow(message)
    expect(store.calls).toMatchObject({ load: 0, append: 0 })
  })

  test('send() throws where nobody serves the command', async () => {
    const { emaki } = await openBank()
    const command = account.deposit('a', { cents: 1 })
    expect(() => emaki.send({ ...command, decider: 'nobody' })).toThrow('no decider nobody is served; there are account')
    expect(() => emaki.send({ ...command, command: 'toString' })).toThrow('account has no command toString')
  })

  test('send() stores with an event who and what led to it', async () => {
    const { emaki, store } = await openBank()
    const traceparent = '00-11111111111111111111111111111111-2222222222222222-01'
    await emaki.send(account.deposit('a', { cents: 1 }), { actor: 'ada', correlation: 'c', causation: 'b', traceparent })
    await emaki.send(account.deposit('a', { cents: 1 }))
    const [first, second] = await store.read('account-a', { after: 0, limit: 2 })
    expect(JSON.parse(first!.meta)).toEqual({ correlation: 'c', causation: 'b', traceparent, actor: 'ada' })
    const { correlation, causation, ...rest } = JSON.parse(second!.meta) as Record<string, string>
    expect([correlation, rest]).toEqual([causation, {}])
  })

  test('send() gives a decision the instance, the time and the actor', async () => {
    const Seen = events('seen', { Seen: z.object({ instance: z.string(), now: z.string(), actor: z.string().nullable() }) })
    const seen = decider(Seen, {
      initial: {},
      evolve: { Seen: state => state },
      commands: { look: z.object({}) },
      decide: { look: (_state, _data, { instance, now, actor }) => Seen.Seen({ instance, now: now.toISOString(), actor }) },
    })
    const emaki = await runtime({ serve: [seen], now: () => 0 })
    const outcomes = await Promise.all([emaki.send(seen.look('a', {}), { actor: 'ada' }), emaki.send(seen.look('b', {}))])
    expect(outcomes.map(outcome => outcome.outcome === 'accepted' && outcome.events[0]!.data)).toEqual([
      { instance: 'a', now: '1970-01-01T00:00:00.000Z', actor: 'ada' },
      { instance: 'b', now: '1970-01-01T00:00:00.000Z', actor: null },
    ])
  })

  test('send() throws where an event of the stream cannot be read, and goes on with other streams', async () => {
    const { emaki, store } = await openBank()
    const event = { id: Bun.randomUUIDv7(), type: 'FromTheFuture', schema: 's', data: '{}', meta: '{}' }
    await store.inner.append([{ slices: [{ stream: 'account-a', expect: 0, events: [event] }], keys: [] }])
    const sent = emaki.send(account.deposit('a', { cents: 1 }))
    const other = emaki.send(account.deposit('b', { cents: 1 }))
    expect(sent).rejects.toThrow(UnreadableEvent)
    expect(await other).toMatchObject({ outcome: 'accepted' })
    expect(emaki.state('account', 'a')).rejects.toThrow('account-a has at version 1 an event FromTheFuture')
  })

  test('send() throws where an unreadable event comes with a conflict', async () => {
    const { emaki, store } = await openBank()
    await emaki.send(account.deposit('a', { cents: 1 }))
    const event = { id: Bun.randomUUIDv7(), type: 'FromTheFuture', schema: 's', data: '{}', meta: '{}' }
    await store.inner.append([{ slices: [{ stream: 'account-a', expect: 1, events: [event] }], keys: [] }])
    expect(emaki.send(account.deposit('a', { cents: 1 }))).rejects.toThrow('account-a has at version 2 an event FromTheFuture')
  })
})

test('a stream that is longer than one load is read to its end', async () => {
  const log = memory()
  const one = await openBank({ log })
  for (const _ of range(6)) await one.emaki.send(account.deposit('a', { cents: 1, times: 1_001 }))
  const { emaki, store } = await openBank({ log })
  expect(await emaki.send(account.withdraw('a', { cents: 6_007 }))).toMatchObject({ data: { balance: 6_006, version: 6_006 } })
  expect(store.calls.load).toBe(Math.ceil(6_006 / LOAD_FACTS_MAX))
  expect(await emaki.state('account', 'a', { version: 5_500 })).toMatchObject({ version: 5_500, position: 5_500 })
  expect(await (await openBank({ log })).emaki.state('account', 'a')).toMatchObject({ version: 6_006, position: 6_006 })
})

describe('a snapshot', () => {
  const counting = decider(Account, {
    initial: { balance: 0 },
    evolve: {
      Deposited: ({ balance }, { cents }) => ({ balance: balance + cents }),
      Withdrawn: ({ balance }, { cents }) => ({ balance: balance - cents }),
    },
    commands: { deposit: z.object({ cents: z.int() }) },
    decide: { deposit: (_, { cents }) => Account.Deposited({ cents, note: '' }) },
    snapshot: { every: 10 },
  })

  test('a snapshot that was begun is saved before the store closes', async () => {
    const log = failingStore(memory())
    const emaki = await runtime({ serve: [counting], store: log })
    for (const _ of range(10)) await emaki.send(counting.deposit('a', { cents: 1 }))
    await emaki.close()
    expect(log.calls.saveSnapshots).toBe(1)
  })

  test('a snapshot is saved every so many events after their commit, and loaded instead of them', async () => {
    const log = failingStore(memory())
    const emaki = await runtime({ serve: [counting], store: log })
    for (const _ of range(25)) await emaki.send(counting.deposit('a', { cents: 1 }))
    await until('both snapshots are saved', () => log.calls.saveSnapshots === 2)
    const { streams } = await log.load([{ stream: 'account-a', after: 0, snapshot: counting[spec].snapshot!.fold }], [])
    expect(streams[0]).toMatchObject({ snapshot: { version: 20, state: { balance: 20 } }, version: 25 })
    const other = await runtime({ serve: [counting], store: log })
    expect(await other.state('account', 'a')).toEqual({ state: { balance: 25 }, version: 25, position: 25 })
    expect(await other.send(counting.deposit('a', { cents: 1 }))).toMatchObject({ version: 26, position: 26 })
  })

  test('a snapshot that cannot be saved is reported and harms nobody', async () => {
    const log = failingStore(memory())
    const reported: unknown[] = []
    const emaki = await runtime({ serve: [counting], store: log, report: error => void reported.push(error) })
    log.always('saveSnapshots', () => Promise.reject(new Error('no room')))
    for (const _ of range(10)) await emaki.send(counting.deposit('a', { cents: 1 }))
    await until('it is reported', () => reported.length === 1)
  })
})
