// Two releases side by side: the older one owns the subscriptions and meets events and rows of the newer one.
import { afterEach, describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { decider } from '../definitions/decider/decider.ts'
import { events, spec } from '../definitions/event/events.ts'
import { upcast } from '../definitions/event/upcast.ts'
import { processor } from '../definitions/processor.ts'
import { projection } from '../definitions/projection/projection.ts'
import { query } from '../definitions/query.ts'
import { memoryBus } from '../ports/bus/memory.ts'
import { memory } from '../ports/store/memory.ts'
import type { Store } from '../ports/store/store.ts'
import { ANY_POSITION, StaleRead } from '../query/stale-read.ts'
import { type Services, startServices } from '../runtime.ts'
import { until } from '../test-support/servers/until.ts'
import { replaceReadModel } from '../test-support/tally.ts'
import { untilProcessed } from '../test-support/until-processed.ts'

const V1 = z.object({ n: z.int() })
const V2 = z.object({ amount: z.int() })
const sum = z.object({ sum: z.int() })
/** Both releases fold with the same function, so that only the reading differs. */
const addTo = ({ sum }: { sum: number }, data: object) => ({ sum: sum + Number(Object.values(data)[0]) })

const handled: string[] = []
function release<D extends typeof V1 | typeof V2>(Added: D, input: z.ZodType, row: z.ZodType<{ sum: number }> = sum) {
  const Counter = events('counter', { Added: Added as unknown as typeof V1 })
  const counter = decider(Counter, {
    initial: {},
    evolve: { Added: s => s },
    commands: { add: input },
    decide: { add: (_, data) => Counter.Added(data as never) },
  })
  const sums = projection('sums', { from: Counter, row, initial: { sum: 0 }, indexes: ['sum'], evolve: { Added: addTo } })
  const all = query('all', { params: z.object({}), run: (_, read) => read(sums).list() })
  const mails = processor('mails', { from: Counter, handle: ([event]) => void handled.push(JSON.stringify(event!.data)) })
  return { counter, sums, all, serve: [counter, sums, all, mails] }
}

const older = release(V1, V1)
const newer = release(
  upcast(V2, V1, ({ n }) => ({ amount: n })),
  V2,
)

const running: Services[] = []
afterEach(async () => {
  handled.length = 0
  for (const one of running.splice(0)) await one.close()
})

async function start(store: Store, { serve }: ReturnType<typeof release>): Promise<Services> {
  const emaki = await startServices({ serve, store, bus, leaseMs: 400, report: () => {} })
  running.push(emaki)
  return emaki
}
const bus = memoryBus(() => {})

/**
 * A store without fingerprints, so that rows whose fold changed are not folded again for that alone. Its clock stands, so
 * that a lease is taken over only once it was given up, and soon.
 */
async function startBoth(first: ReturnType<typeof release>, second: ReturnType<typeof release>) {
  const store = replaceReadModel(memory({ now: () => 0 }), { fingerprints: async () => [] })
  const one = await start(store, first)
  await one.send(first.counter.add('c', { n: 1 }))
  await untilProcessed(one, 1)
  return { store, one, other: await start(store, second) }
}

describe('an older release that meets what a newer one has appended', () => {
  test('an older release that meets what a newer one has appended serves no row as whole, and the newer one folds it after its takeover', async () => {
    const { store, one, other } = await startBoth(older, newer)
    await other.send(newer.counter.add('c', { amount: 2 }))
    await untilProcessed(one, 2)
    expect(await store.readModel.parked()).toMatchObject([
      { name: 'mails', kind: 'stream', key: 'counter-c', position: 2, reader: expect.any(String) },
      { name: 'sums_v1', kind: 'key', key: 'c', position: 2, reader: expect.any(String) },
    ])
    for (const emaki of [one, other]) {
      const { rowAnswers, queryAnswers } = emaki
      await expect(emaki.row(newer.sums, 'c', { atLeast: 2 })).rejects.toThrow(StaleRead)
      const lacking = { incomplete: { parked: 2, frozen: null } }
      expect(await rowAnswers.get(newer.sums[spec], 'c', ANY_POSITION)).toMatchObject(lacking)
      expect(await rowAnswers.list(newer.sums[spec], {}, {}, ANY_POSITION)).toMatchObject(lacking)
      expect(await rowAnswers.list(newer.sums[spec], {}, { count: true }, ANY_POSITION)).toMatchObject(lacking)
      expect(await queryAnswers.answer(newer.all[spec], {}, ANY_POSITION)).toMatchObject(lacking)
    }
    await running.shift()!.close()
    await until('nothing is parked', async () => (await store.readModel.parked()).length === 0)
    expect(await other.row(newer.sums, 'c', { atLeast: 2 })).toMatchObject({ sum: 3 })
    expect(handled).toEqual(['{"n":1}', '{"amount":2}'])
  })

  test('an older release that meets a row of a newer one parks its key, and the newer one folds it on after its takeover', async () => {
    const half = z.object({ n: z.number() }) as typeof V1
    const [whole, halves] = [release(half, half), release(half, half, z.object({ sum: z.number() }))]
    const { store, one, other } = await startBoth(halves, whole)
    await one.send(halves.counter.add('c', { n: 0.5 }))
    await untilProcessed(one, 2)
    await running.shift()!.close()
    await other.send(whole.counter.add('c', { n: 1 }))
    await untilProcessed(other, 3)
    expect(await store.readModel.parked()).toMatchObject([{ kind: 'key', key: 'c', position: 3, reader: expect.any(String) }])
    await running.shift()!.close()
    const last = await start(store, halves)
    await until('nothing is parked', async () => (await store.readModel.parked()).length === 0)
    expect(await last.row(halves.sums, 'c', { atLeast: 3 })).toMatchObject({ sum: 2.5 })
  })
})
