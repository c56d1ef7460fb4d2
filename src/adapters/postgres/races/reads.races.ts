import { describe, expect } from 'bun:test'
import { z } from 'zod'
import { decider } from '../../../definitions/decider/decider.ts'
import { reject } from '../../../definitions/decider/reject.ts'
import { events } from '../../../definitions/event/events.ts'
import { type Runtime, runtime } from '../../../runtime.ts'
import { form, race } from './form.ts'
import { raceLog } from './race-log.ts'

const NODES = 3
const PURSES = 3

const Purse = events('purse', { Filled: z.object({ cents: z.int() }), Spent: z.object({ cents: z.int() }) })
const purse = decider(Purse, {
  initial: { cents: 0 },
  evolve: {
    Filled: (state, { cents }) => ({ cents: state.cents + cents }),
    Spent: (state, { cents }) => ({ cents: state.cents - cents }),
  },
  commands: { fill: z.object({ cents: z.int() }), spend: z.object({ others: z.array(z.string()) }) },
  reads: { spend: ({ others }, { self }) => Object.fromEntries(others.map(id => [id, self(id)])) },
  decide: {
    fill: (_, { cents }) => Purse.Filled({ cents }),
    // All of them together never go below 0.
    spend: (state, _, { read }) => {
      const total = Object.values(read).reduce((sum, { cents }) => sum + cents, state.cents)
      return total > 0 ? Purse.Spent({ cents: 1 }) : reject('poor')
    },
  },
})

describe('decisions that read other streams', () => {
  race(
    'purses of three nodes that read each other are never overdrawn together, and all that they have is spent',
    async random => {
      await using log = await raceLog()
      const nodes: Runtime[] = []
      for (let i = 0; i < NODES; i++) nodes.push(await runtime({ serve: [purse], store: await log.store() }))
      for (let round = 0; round < form(20, 1_000); round++) {
        const ids = Array.from({ length: PURSES }, (_, i) => `r${round}.${i}`)
        const cents = 1 + random.below(6)
        await nodes[0]!.send(purse.fill(ids[0]!, { cents }))
        const sent = Array.from({ length: 12 }, () => {
          const own = ids[random.below(PURSES)]!
          const node = nodes[random.below(NODES)]!
          return node.send(purse.spend(own, { others: ids.filter(id => id !== own) }), { deadlineMs: 600_000 })
        })
        const outcomes = (await Promise.all(sent)).map(({ outcome }) => outcome)
        expect([outcomes.filter(one => one === 'accepted').length, outcomes.filter(one => one === 'rejected').length]).toEqual([
          cents,
          12 - cents,
        ])
      }
      for (const node of nodes) await node.close()
    },
  )
})
