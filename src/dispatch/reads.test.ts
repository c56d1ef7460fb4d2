// Decisions that read other streams than their own.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { postgres } from '../adapters/postgres/store.ts'
import { sqlite } from '../adapters/sqlite/store.ts'
import { decider } from '../definitions/decider/decider.ts'
import { reject } from '../definitions/decider/reject.ts'
import { events } from '../definitions/event/events.ts'
import { StoreError } from '../ports/store/errors.ts'
import { memory } from '../ports/store/memory.ts'
import type { Store } from '../ports/store/store.ts'
import type { Unit } from '../ports/store/unit.ts'
import { type Runtime, runtime } from '../runtime.ts'
import { failingStore } from '../test-support/failing-store.ts'
import { testSchema, type TestSchema } from '../test-support/schema.ts'

const Customer = events('customer', { Limited: z.object({ cents: z.int() }) })
const customer = decider(Customer, {
  initial: { cents: 100 },
  evolve: { Limited: (_, { cents }) => ({ cents }) },
  commands: { limit: z.object({ cents: z.int() }) },
  decide: { limit: (_, { cents }) => Customer.Limited({ cents }) },
})

const Purse = events('purse', { Filled: z.object({ cents: z.int() }), Spent: z.object({ cents: z.int() }) })
const purse = decider(Purse, {
  initial: { cents: 0 },
  evolve: {
    Filled: (state, { cents }) => ({ cents: state.cents + cents }),
    Spent: (state, { cents }) => ({ cents: state.cents - cents }),
  },
  commands: {
    fill: z.object({ cents: z.int() }),
    spend: z.object({ cents: z.int(), customer: z.string() }),
    pool: z.object({ cents: z.int(), with: z.string() }),
    crowd: z.object({ count: z.int() }),
  },
  reads: {
    spend: data => ({ customer: [customer, data.customer] }),
    pool: (data, { self }) => ({ other: self(data.with) }),
    crowd: ({ count }, { self }) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`n${i}`, self(`n${i}`)])),
  },
  decide: {
    fill: (_, { cents }, { read }) => (read === null ? Purse.Filled({ cents }) : reject('read')),
    spend: (_, { cents }, { read }) => (cents > read.customer.cents ? reject('limited', read.customer) : Purse.Spent({ cents })),
    // Both together never go below 0.
    pool: (state, { cents }, { read }) => (state.cents + read.other.cents < cents ? reject('poor') : Purse.Spent({ cents })),
    crowd: () => Purse.Filled({ cents: 1 }),
  },
})

const serve = [customer, purse]
const folder = mkdtempSync(join(tmpdir(), 'reads-'))
let schema: TestSchema | undefined
const closing: Runtime[] = []
afterAll(async () => {
  for (const one of closing) await one.close()
  rmSync(folder, { recursive: true })
  await schema?.drop()
})

/** Stores of one log: two, as of two processes. One process alone serves a file of SQLite. */
const logs: Readonly<Record<string, () => Promise<readonly Store[]>>> = {
  memory: async () => {
    const log = memory()
    return [log, log]
  },
  sqlite: async () => [sqlite(join(folder, 'log.db'))],
  postgres: async () => {
    schema = await testSchema()
    const { url, schema: name } = schema
    return [postgres(url, { schema: name }), postgres(url, { schema: name })]
  },
}

for (const [name, open] of Object.entries(logs))
  describe(`decisions that read other streams on ${name}`, () => {
    let nodes: Runtime[]
    beforeAll(async () => {
      nodes = []
      for (const store of await open()) nodes.push(await runtime({ serve, store }))
      closing.push(...nodes)
    })

    test(`a decision on ${name} sees the state of the instance that it reads, and of one without events the initial state`, async () => {
      const [first] = nodes as [Runtime]
      await first.send(customer.limit('c1', { cents: 5 }))
      expect(await first.send(purse.spend('p1', { cents: 6, customer: 'c1' }))).toMatchObject({
        outcome: 'rejected',
        data: { cents: 5 },
      })
      expect(await first.send(purse.spend('p1', { cents: 5, customer: 'c1' }))).toMatchObject({ outcome: 'accepted', version: 1 })
      expect(await first.send(purse.spend('p1', { cents: 100, customer: 'c2' }))).toMatchObject({
        outcome: 'accepted',
        version: 2,
      })
    })

    test(`a decision on ${name} whose state in memory is old is made again on what another process has written meanwhile`, async () => {
      const [first, last = first] = [nodes[0]!, nodes.at(-1)!]
      expect(await last.send(purse.spend('p2', { cents: 7, customer: 'c3' }))).toMatchObject({ outcome: 'accepted' })
      await first.send(customer.limit('c3', { cents: 1 }))
      expect(await last.send(purse.spend('p2', { cents: 7, customer: 'c3' }))).toMatchObject({
        outcome: 'rejected',
        code: 'limited',
      })
      await first.send(customer.limit('c3', { cents: 9 }))
      expect(await last.send(purse.spend('p2', { cents: 9, customer: 'c3' }))).toMatchObject({ outcome: 'accepted', version: 2 })
    })

    test(`a rejection on ${name} by a state in memory is confirmed by the log, also where the command's own stream was just read`, async () => {
      const [first, last = first] = [nodes[0]!, nodes.at(-1)!]
      await first.send(customer.limit('c4', { cents: 1 }))
      expect(await last.send(purse.spend('p3', { cents: 9, customer: 'c4' }))).toMatchObject({ outcome: 'rejected' })
      await first.send(customer.limit('c4', { cents: 9 }))
      await first.send(purse.fill('p4', { cents: 1 }))
      const spent = await last.send(purse.spend('p4', { cents: 9, customer: 'c4' }), { expect: 'exists' })
      expect(spent).toMatchObject({ outcome: 'accepted', version: 2 })
    })

    test(`purses on ${name} that read each other never spend more than both have, whoever spends at once`, async () => {
      for (let round = 0; round < 5; round++) {
        const [a, b] = [`a${round}`, `b${round}`]
        await nodes[0]!.send(purse.fill(a, { cents: 2 }))
        const sent = Array.from({ length: 6 }, (_, i) => {
          const [own, other] = i % 2 ? [a, b] : [b, a]
          return nodes[i % nodes.length]!.send(purse.pool(own, { cents: 1, with: other }))
        })
        const outcomes = (await Promise.all(sent)).map(({ outcome }) => outcome).toSorted()
        expect(outcomes).toEqual(['accepted', 'accepted', 'rejected', 'rejected', 'rejected', 'rejected'])
      }
    })
  })

describe('what a command reads', () => {
  const open = async () => {
    const store = failingStore(memory())
    const emaki = await runtime({ serve, store, report: () => {} })
    closing.push(emaki)
    return { store, emaki }
  }

  test('a command that reads its own instance gets its own state, also after a command that was sent with it', async () => {
    const { emaki } = await open()
    const both = [purse.fill('p', { cents: 3 }), purse.pool('p', { cents: 6, with: 'p' })] as const
    expect(await emaki.send(both)).toMatchObject({ outcome: 'accepted', version: 2 })
    expect(await emaki.state(purse, 'p')).toMatchObject({ state: { cents: -3 } })
  })

  test('a command with an id that can be none is invalid, and one that reads more than 8 instances is too', async () => {
    const { emaki } = await open()
    expect(await emaki.send(purse.spend('p', { cents: 1, customer: '' }))).toMatchObject({
      outcome: 'invalid',
      issues: [{ message: expect.stringContaining('the id of customer') }],
    })
    expect(await emaki.send(purse.crowd('p', { count: 8 }))).toMatchObject({ outcome: 'accepted' })
    expect(await emaki.send([purse.fill('p', { cents: 1 }), purse.crowd('p', { count: 9 })])).toEqual({
      outcome: 'invalid',
      issues: [{ path: '/1', message: 'crowd reads 9 instances; at most 8 can be read' }],
    })
  })

  test('an append of unknown outcome is known again as its own, whatever has happened to the stream that it reads', async () => {
    const { emaki, store } = await open()
    const other = await runtime({ serve, store: store.inner })
    closing.push(other)
    await emaki.send(purse.fill('p', { cents: 9 }))
    store.next('append', async call => {
      await call()
      await other.send(customer.limit('c', { cents: 0 }))
      throw new StoreError('unknown', 'made to fail')
    })
    expect(await emaki.send(purse.spend('p', { cents: 4, customer: 'c' }))).toMatchObject({ outcome: 'accepted', version: 2 })
    expect(await store.inner.head()).toBe(3)
  })

  test('a stream that is read is loaded once, and then known from memory', async () => {
    const { emaki, store } = await open()
    await emaki.send(customer.limit('c', { cents: 1 }))
    await emaki.send(purse.spend('p', { cents: 1, customer: 'c' }))
    const { load } = store.calls
    for (let i = 0; i < 3; i++) await emaki.send(purse.spend('p', { cents: 1, customer: 'c' }))
    expect(store.calls.load).toBe(load)
  })

  test('commands of many streams that read one instance share a batch, and none that writes it', async () => {
    const { emaki, store } = await open()
    await emaki.send(customer.limit('c', { cents: 1 }))
    const spend = (id: string) => emaki.send(purse.spend(id, { cents: 1, customer: 'c' }))
    const ids = Array.from({ length: 30 }, (_, i) => `p${i}`)
    const { append } = store.calls
    expect(new Set((await Promise.all(ids.map(spend))).map(({ outcome }) => outcome))).toEqual(new Set(['accepted']))
    expect(store.calls.append - append).toBe(1)
    const batches: (readonly Unit[])[] = []
    const inner = store.append
    store.append = units => {
      batches.push(units)
      return inner(units)
    }
    await Promise.all([...ids.map(spend), emaki.send(customer.limit('c', { cents: 0 })), ...ids.map(spend)])
    const slicesOfC = batches.map(units => units.flatMap(({ slices }) => slices).filter(({ stream }) => stream === 'customer-c'))
    const isMixed = slicesOfC.map(slices => slices.length > 1 && slices.some(({ events }) => events.length > 0))
    expect([slicesOfC.flat().length > ids.length, isMixed.includes(true)]).toEqual([true, false])
  })

  test('a stream that is read is read anew where the log has become shorter than its state in memory', async () => {
    const [before, restored] = [memory(), memory()]
    let log: Store = before
    const store = new Proxy(before, {
      get: (_, name) => {
        const member: unknown = Reflect.get(log, name)
        return typeof member === 'function' ? member.bind(log) : member
      },
    })
    const emaki = await runtime({ serve, store })
    const other = await runtime({ serve, store: restored })
    closing.push(emaki, other)
    for (const cents of [5, 1]) await emaki.send(customer.limit('c', { cents }))
    await other.send(customer.limit('c', { cents: 9 }))
    log = restored
    expect(await emaki.send(purse.spend('p', { cents: 9, customer: 'c' }))).toMatchObject({ outcome: 'accepted' })
  })

  test('a command whose read stream cannot be loaded is unavailable, and the next command of its stream goes on', async () => {
    const { emaki, store } = await open()
    await emaki.send(purse.fill('p', { cents: 1 }))
    store.next('load', () => Promise.reject(new StoreError('unavailable', 'made to fail')))
    const spent = emaki.send(purse.spend('p', { cents: 1, customer: 'c' }))
    const filled = emaki.send(purse.fill('p', { cents: 1 }))
    expect((await spent).outcome).toBe('unavailable')
    expect((await filled).outcome).toBe('accepted')
  })

  test('a command with a key that is sent again is answered as at first, whatever the instance that it reads says by now', async () => {
    const { emaki } = await open()
    const send = () => emaki.send(purse.spend('p', { cents: 10, customer: 'c' }), { key: 'k' })
    expect(await send()).toMatchObject({ outcome: 'accepted', version: 1 })
    await emaki.send(customer.limit('c', { cents: 0 }))
    expect(await send()).toMatchObject({ outcome: 'accepted', version: 1, replayed: true })
  })
})

describe('the definition of reads', () => {
  for (const [what, reads, message] of [
    ['a command that there is not', { fil: () => ({}) }, 'fill'],
    ['no function', { fill: {} }, 'no function'],
  ] as const)
    test(`a decider whose reads have ${what} is refused`, () => {
      const options = { initial: {}, evolve: { Filled: () => ({}), Spent: () => ({}) }, commands: { fill: z.object({}) } }
      expect(() => decider(Purse, { ...options, reads, decide: { fill: () => [] } } as never)).toThrow(message)
    })

  test('a command that reads something else than an instance fails, and says how to write one', async () => {
    const lost = decider(Customer, {
      initial: {},
      evolve: { Limited: () => ({}) },
      commands: { limit: z.object({}) },
      reads: { limit: () => ({ other: 'c1' }) as never },
      decide: { limit: () => [] },
    })
    const emaki = await runtime({ serve: [lost], store: memory() })
    closing.push(emaki)
    expect(emaki.send(lost.limit('c', {}))).rejects.toThrow('customer: reads: limit: other is no instance; write [decider, id]')
  })
})
