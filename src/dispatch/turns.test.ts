// The event loop turns however long decisions, folds and streams are: the work between two turns is counted.
import { expect, test } from 'bun:test'
import { z } from 'zod'
import { decider } from '../definitions/decider/decider.ts'
import { events } from '../definitions/event/events.ts'
import { TURN_MS } from '../lib/turns.ts'
import { memory } from '../ports/store/memory.ts'
import { type Services, startServices } from '../runtime.ts'
import { range } from '../test-support/bank.ts'
import { failingStore } from '../test-support/failing-store.ts'
import { measureStretches } from '../test-support/stretches.ts'

const Tick = events('tick', { Ticked: z.object({}) })

/** A decider whose decisions and folds are so much work. */
function buildTicks(work: { readonly decide?: () => void; readonly evolve?: () => void }) {
  return decider(Tick, {
    initial: {},
    evolve: {
      Ticked: state => {
        work.evolve?.()
        return state
      },
    },
    commands: { tick: z.object({ times: z.int().default(1) }) },
    decide: {
      tick: (_, { times }) => {
        work.decide?.()
        return range(times).map(() => Tick.Ticked({}))
      },
    },
    expose: z.object({}),
  })
}

type Ticks = ReturnType<typeof buildTicks>
const sendAll = (emaki: Services, tick: Ticks, ids: readonly string[]) =>
  Promise.all(ids.map(id => emaki.send(tick.tick(id, {}))))

test.each([
  ['on one stream', () => 'a'],
  ['on a stream each', (i: number) => `s${i}`],
])('decisions that take long, %s, let the event loop turn after each', async (_, idOf) => {
  using stretches = measureStretches()
  const tick = buildTicks({ decide: () => stretches.work(200) })
  const emaki = await startServices({ serve: [tick], store: memory() })
  const outcomes = await sendAll(emaki, tick, range(20).map(idOf))
  expect(outcomes.filter(({ outcome }) => outcome === 'accepted')).toHaveLength(20)
  expect(stretches.longest).toBe(200)
  await emaki.close()
})

test('quick decisions fill a turn of the event loop, and share its batch', async () => {
  using stretches = measureStretches()
  const tick = buildTicks({ decide: () => stretches.work() })
  const store = failingStore(memory())
  const emaki = await startServices({ serve: [tick], store })
  await emaki.send(tick.tick('a', {}))
  const before = store.calls.append
  await sendAll(
    emaki,
    tick,
    range(100).map(() => 'a'),
  )
  expect(stretches.longest).toBe(TURN_MS)
  expect(store.calls.append - before).toBe(100 / TURN_MS)
  await emaki.close()
})

test('streams that are loaded together are folded in several turns of the event loop', async () => {
  const store = memory()
  const ids = range(60).map(i => `s${i}`)
  const first = await startServices({ serve: [buildTicks({})], store })
  for (const id of ids) await first.send(buildTicks({}).tick(id, { times: 5 }))
  await first.close()
  using stretches = measureStretches()
  const tick = buildTicks({ evolve: () => stretches.work() })
  const emaki = await startServices({ serve: [tick], store })
  await sendAll(emaki, tick, ids)
  // Loads and decisions have a turn each.
  expect(stretches.longest).toBeLessThan(3 * TURN_MS)
  await emaki.close()
})

test('a long stream is folded to a past version, and to its end, in several turns of the event loop', async () => {
  const store = memory()
  const first = await startServices({ serve: [buildTicks({})], store })
  for (let i = 0; i < 3; i++) await first.send(buildTicks({}).tick('a', { times: 2_000 }))
  await first.close()
  using stretches = measureStretches()
  const tick = buildTicks({ evolve: () => stretches.work(1 / 128) })
  const emaki = await startServices({ serve: [tick], store })
  expect((await emaki.state('tick', 'a', { version: 5_999 }))?.version).toBe(5_999)
  expect((await emaki.state('tick', 'a'))?.version).toBe(6_000)
  expect(stretches.longest).toBeLessThan(4 * TURN_MS)
  await emaki.close()
})
