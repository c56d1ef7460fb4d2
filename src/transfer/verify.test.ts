// Logs with one damage each: what finds it, and that nothing folds over it.
import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { decider } from '../definitions/decider/decider.ts'
import { events, spec } from '../definitions/event/events.ts'
import { projection } from '../definitions/projection/projection.ts'
import { runtime } from '../runtime.ts'
import { memory } from '../ports/store/memory.ts'
import type { StoredEvent } from '../ports/store/event.ts'
import type { Store } from '../ports/store/store.ts'
import { audit } from '../subscription/audit.ts'
import { exportLines } from './export.ts'
import { verifyLog } from './verify.ts'

const Sum = events('sum', { Added: z.object({ n: z.int() }), Noted: z.object({}) })
const sum = decider(Sum, {
  initial: { total: 0 },
  evolve: { Added: ({ total }, { n }) => ({ total: total + n }), Noted: s => s },
  commands: { add: z.object({ n: z.int() }) },
  decide: { add: (_, data) => Sum.Added(data) },
})
const sums = projection('sums', {
  from: Sum,
  row: z.object({ total: z.int() }),
  initial: { total: 0 },
  evolve: { Added: ({ total }, { n }) => ({ total: total + n }) },
})
const families = new Map([['sum', Sum[spec]]])

/** Three streams of four events each, as something has changed them since. */
async function openDamaged(change: (log: StoredEvent[]) => StoredEvent[]): Promise<Store> {
  const whole = memory()
  const schema = Sum[spec].types.get('Added')!.fingerprint
  for (const stream of ['sum-a', 'sum-b', 'other-c']) {
    const buildAdded = (n: number) => ({ id: Bun.randomUUIDv7(), type: 'Added', schema, data: `{"n":${n}}`, meta: '{}' })
    await whole.append([{ slices: [{ stream, expect: 0, events: [1, 2, 3, 4].map(buildAdded) }], keys: [] }])
  }
  const log = change([...(await whole.readAll({ after: 0, limit: 100 }))])
  const eventsOf = (stream: string) => log.filter(event => event.stream === stream)
  return {
    ...whole,
    readAll: async ({ after, limit, until = 100, filter }) =>
      log
        .filter(({ position, stream }) => position > after && position <= until && (!filter || filter.has(stream.split('-')[0]!)))
        .slice(0, limit),
    read: async (stream, { after, limit }) =>
      eventsOf(stream)
        .filter(({ version }) => version > after)
        .slice(0, limit),
    load: async (wanted, keys) => {
      const loaded = await whole.load(wanted, keys)
      const streams = loaded.streams.map((one, i) => {
        const facts = eventsOf(wanted[i]!.stream)
          .filter(({ version }) => version > wanted[i]!.after)
          .map(({ type, schema, data }) => ({ type, schema, data: JSON.parse(data) as unknown }))
        return { ...one, facts, more: false }
      })
      return { ...loaded, streams }
    },
  }
}

const changeEvent = (log: StoredEvent[], position: number, change: Partial<StoredEvent>) =>
  log.map(event => (event.position === position ? { ...event, ...change } : event))
const removeEvent = (log: StoredEvent[]) => log.filter(({ position }) => position !== 6)
const HOLE = 'sum-b is damaged: version 2 is expected, 3 is found at position 7'

describe('a log', () => {
  test('a log that is whole is verified, with its head and the number of its events', async () => {
    const progress: number[] = []
    const found = await verifyLog(await openDamaged(log => log), families, position => progress.push(position))
    expect(found).toEqual({ events: 12, position: 12, wrong: [], count: 0 })
    expect(progress).toEqual([12])
  })

  const damages: readonly [string, (log: StoredEvent[]) => StoredEvent[], number, string][] = [
    ['of which an event is missing', removeEvent, 7, 'version 2 is expected'],
    ['with a version twice', log => changeEvent(log, 7, { version: 2 }), 7, 'version 3 is expected'],
    ['whose head is missing', log => log.slice(0, -1), 12, 'the log ends at 11'],
    ['with a payload that is no JSON', log => changeEvent(log, 10, { data: '{"n":' }), 10, 'its payload is no JSON'],
    ['with a meta that is no JSON', log => changeEvent(log, 10, { meta: '{' }), 10, 'its meta is no JSON'],
    ['with a payload that does not fit', log => changeEvent(log, 6, { data: '{"m":2}' }), 6, 'n: '],
    ['with a type that nobody knows', log => changeEvent(log, 6, { type: 'Gone' }), 6, 'no such type'],
    ['with an id twice', log => changeEvent(log, 10, { id: log[0]!.id }), 10, 'stands at position 1 too'],
  ]
  for (const [title, change, position, problem] of damages)
    test(`a log ${title} is found out`, async () => {
      const { count, wrong } = await verifyLog(await openDamaged(change), families)
      expect([wrong[0]?.position, wrong[0]?.problem.includes(problem)]).toEqual([position, true])
      // A hole moves what is behind it by none: versions are told once.
      expect(count).toBe(title === 'with a version twice' ? 2 : 1)
    })

  test('a log of which an event is missing is not exported, nor is the stream of that event', async () => {
    const store = await openDamaged(removeEvent)
    for (const options of [{}, { category: 'sum' }, { stream: 'sum-b' }])
      await expect(Array.fromAsync(exportLines(store, options))).rejects.toThrow(HOLE)
    // Where it begins later, what was before is not asked for.
    expect(await Array.fromAsync(exportLines(store, { after: 8 }))).toHaveLength(1)
  })

  test('a log of which an event is missing is not folded by a command, nor by an audit', async () => {
    const store = await openDamaged(removeEvent)
    const emaki = await runtime({ serve: [sum], store, report: () => {} })
    await expect(emaki.send(sum.add('b', { n: 1 }))).rejects.toThrow('sum-b is damaged: version 3 is expected, 4 is found')
    expect(await emaki.send(sum.add('a', { n: 1 }))).toMatchObject({ outcome: 'accepted', version: 5 })
    const table = { name: 'sums_v1', indexes: [] }
    await store.readModel.prepare([table])
    await store.readModel.acquire('sums_v1', { owner: 'o', ttlMs: 1_000, start: 12 })
    await expect(audit(store, sums[spec], table)).rejects.toThrow(HOLE)
    await emaki.close()
  })
})
