// Ids of events that their appender gives, and that are known again.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { postgres } from '../adapters/postgres/store.ts'
import { sqlite } from '../adapters/sqlite/store.ts'
import { decider } from '../definitions/decider/decider.ts'
import { type Event, events } from '../definitions/event/events.ts'
import { memory } from '../ports/store/memory.ts'
import type { Store } from '../ports/store/store.ts'
import { type Runtime, runtime } from '../runtime.ts'
import { testSchema, type TestSchema } from '../test-support/schema.ts'

const Order = events('order', { Taken: z.object({ n: z.int() }) })
const order = decider(Order, {
  initial: { n: 0 },
  evolve: { Taken: (state, { n }) => ({ n: state.n + n }) },
  commands: { take: z.object({ n: z.int(), ids: z.array(z.string()) }) },
  decide: { take: (_, { n, ids }) => ids.map(id => Order.Taken({ n }, { id })) },
})

const folder = mkdtempSync(join(tmpdir(), 'event-ids-'))
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

const newId = () => Bun.randomUUIDv7()
const take = (id: string, ids: readonly string[], n = 1) => order.take(id, { n, ids: [...ids] })
const facts = (...ids: readonly string[]): readonly Event[] => ids.map(id => Order.Taken({ n: 1 }, { id }))
const reused = (id: string) => ({ outcome: 'rejected', code: 'event-id-reused', data: { id } })

describe.each(Object.keys(logs))('an id that the appender gives, on %s', name => {
  let store: Store
  let emaki: Runtime
  let other: Runtime
  beforeAll(async () => {
    const stores = await logs[name]!()
    const all: Runtime[] = []
    for (const one of stores) all.push(await runtime({ serve: [order], store: one }))
    closing.push(...all)
    store = stores[0]!
    emaki = all[0]!
    other = all.at(-1)!
  })
  const idsOf = async (stream: string) => (await store.read(`order-${stream}`, { after: 0, limit: 100 })).map(({ id }) => id)
  const append = (stream: string, expect: number | 'any' | 'exists', events: readonly Event[]) =>
    other.append([{ stream: `order-${stream}`, expect, events }])

  test.each([0, 'any'] as const)(
    'an append of ids that the stream has from an append writes nothing and is a duplicate, whatever version it expects: %p',
    async version => {
      const [stream, ids] = [`a${version}`, [newId(), newId()]]
      expect((await append(stream, version, facts(...ids))).outcome).toBe('appended')
      for (const again of [version, 'exists', 7] as const)
        expect(await append(stream, again, facts(...ids))).toEqual({ outcome: 'duplicate' })
      expect(await idsOf(stream)).toEqual(ids)
    },
  )

  test('a command whose decision gives ids that the stream has is answered as the first was, on any later state', async () => {
    const ids = [newId(), newId()]
    const first = await emaki.send(take('c', ids))
    expect(first).toMatchObject({ outcome: 'accepted', version: 2 })
    await other.send(take('c', [newId()]))
    const again = await other.send(take('c', ids, 5))
    const events = [Order.Taken({ n: 1 }), Order.Taken({ n: 1 })]
    expect(again).toEqual({ ...first, events, replayed: true } as never)
    expect((await idsOf('c')).slice(0, 2)).toEqual(ids)
    expect(await idsOf('c')).toHaveLength(3)
    expect((await emaki.state(order, 'c'))?.state).toEqual({ n: 3 })
  })

  test('an id of another stream, of another append, or of some of its events is refused by name, and nothing is written', async () => {
    const [id, new_] = [newId(), newId()]
    await emaki.send(take('d', [id]))
    expect(await other.send(take('e', [id]))).toEqual(reused(id) as never)
    expect(await other.send(take('d', [id, new_]))).toEqual(reused(id) as never)
    expect(await append('e', 'any', facts(new_, id))).toEqual(reused(id) as never)
    expect([await idsOf('d'), await idsOf('e')]).toEqual([[id], []])
    expect(await append('e', 'any', facts(new_))).toMatchObject({ outcome: 'appended' })
  })

  test('of many callers with one id at once, in one process and in two, one writes it, and all are answered alike', async () => {
    const id = newId()
    const callers = Array.from({ length: 16 }, (_, i) => i)
    const sent = await Promise.all(callers.map(i => (i % 2 ? emaki : other).send(take('f', [id], i))))
    expect(new Set(sent.map(one => 'version' in one && [one.outcome, one.version, one.position].join()))).toHaveLength(1)
    expect(sent.filter(one => !('replayed' in one))).toHaveLength(1)
    expect(await idsOf('f')).toEqual([id])
  })

  test('of many streams that get one id at once, one has it, and the others are refused', async () => {
    const id = newId()
    const streams = Array.from({ length: 8 }, (_, i) => `g${i}`)
    const sent = await Promise.all([
      ...streams.map((stream, i) => (i % 2 ? emaki : other).send(take(stream, [id]))),
      ...streams.map(stream => append(`${stream}a`, 0, facts(id))),
    ])
    expect(sent.filter(({ outcome }) => /^(accepted|appended)$/.test(outcome))).toHaveLength(1)
    expect(sent.filter(({ outcome }) => outcome === 'rejected')).toEqual(Array(15).fill(reused(id)))
    const found = await Promise.all(streams.flatMap(stream => [idsOf(stream), idsOf(`${stream}a`)]))
    expect(found.flat()).toEqual([id])
  })

  test('a neighbour in the batch of a known id is decided and appended', async () => {
    const [id, mine] = [newId(), newId()]
    await emaki.send(take('h', [id]))
    const [again, next] = await Promise.all([emaki.send(take('h', [id])), emaki.send(take('h', [mine]))])
    expect([again.outcome, next]).toMatchObject(['accepted', { outcome: 'accepted', version: 2 }])
    expect(await idsOf('h')).toEqual([id, mine])
  })

  test('two events of one append with one id, and an id that is no UUID, fail alone', async () => {
    const id = newId()
    expect(emaki.send(take('i', [id, id]))).rejects.toThrow('two events of one append have one id')
    expect(() => append('i', 'any', facts(id, id))).toThrow('two events of one append have one id')
    for (const wrong of ['1', id.toUpperCase(), ''])
      expect(emaki.send(take('i', [wrong]))).rejects.toThrow('order.Taken: an id is a UUID in small letters; found ')
    expect(await idsOf('i')).toEqual([])
  })

  test('an event of the log that is appended again is another event, with a new id', async () => {
    await append('j', 0, facts(newId()))
    const [stored] = await store.read('order-j', { after: 0, limit: 1 })
    const recorded = { ...stored!, category: 'order', data: JSON.parse(stored!.data) as unknown }
    expect((await append('k', 0, [recorded])).outcome).toBe('appended')
    expect(await idsOf('k')).not.toEqual([stored!.id])
  })
})
