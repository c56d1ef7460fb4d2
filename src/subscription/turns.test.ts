// Many projections that catch up at once hold the event loop no longer than one: the work between two turns is counted.
import { expect, test } from 'bun:test'
import { z } from 'zod'
import { decider } from '../definitions/decider/decider.ts'
import { events } from '../definitions/event/events.ts'
import { projection } from '../definitions/projection/projection.ts'
import { TURN_MS } from '../lib/turns.ts'
import { memory } from '../ports/store/memory.ts'
import { startServices } from '../runtime.ts'
import { range } from '../test-support/bank.ts'
import { measureStretches, type Stretches } from '../test-support/stretches.ts'
import { untilProcessed } from '../test-support/until-processed.ts'

const Tick = events('tick', { Ticked: z.object({ n: z.int() }) })
const tick = decider(Tick, {
  initial: {},
  evolve: { Ticked: s => s },
  commands: { tick: z.object({ times: z.int() }) },
  decide: { tick: (_, { times }) => range(times).map(n => Tick.Ticked({ n })) },
})

/** A projection whose folds, and the checks of whose rows, are so much work. */
function buildRows(name: string, { work }: Stretches) {
  return projection(name, {
    from: Tick,
    row: z.object({ n: z.int() }).refine(() => [work(1 / 16)]),
    initial: { n: 0 },
    key: { Ticked: ({ n }) => `k${n}` },
    evolve: {
      Ticked: ({ n }) => {
        work(1 / 16)
        return { n: n + 1 }
      },
    },
  })
}

test('many projections that catch up at once fold and save in turns of the event loop that they share', async () => {
  const store = memory()
  const first = await startServices({ serve: [tick], store })
  await first.send(tick.tick('a', { times: 500 }))
  await first.close()
  using stretches = measureStretches()
  const emaki = await startServices({ serve: [tick, ...range(10).map(i => buildRows(`rows${i}`, stretches))], store })
  await untilProcessed(emaki, 500)
  // The clock is looked at each 64 events or rows, which are 3.2 units.
  expect(stretches.longest).toBeLessThan(TURN_MS + 4)
  await emaki.close()
})
