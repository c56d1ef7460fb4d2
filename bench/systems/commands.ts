import { type Runtime, runtime } from 'emaki'
import { postgres } from 'emaki/postgres'
import type { Arena, Contestant } from '../contestant.ts'
import { driven } from '../measure/driven.ts'
import { basket, order } from '../order.ts'
import { checkLog } from './check-log.ts'
import { seed, seededId } from './seed.ts'

const CALLERS = 256
const STREAMS = 100_000
const STREAMS_SHORT = 10_000
/** Commands in flight while the cache is filled. */
const WARMING = 2_000

/**
 * Commands on existing orders of 20 events, any of them equally likely. Cold: the cache holds one state, so that each command reads its
 * stream. Warm: the cache holds all of them, and each stream was asked for once before.
 */
export function commands(cache: 'cold' | 'warm'): Contestant {
  return {
    system: 'emaki',
    open: async ({ server, short }: Arena) => {
      const streams = short ? STREAMS_SHORT : STREAMS
      const url = await server.createDatabase('commands')
      const seeded = await seed(url, streams)
      const room = cache === 'cold' ? { entries: 1 } : { entries: 2 * streams, size: 4_000_000_000 }
      const emaki = await runtime({ serve: [order], store: postgres(url), states: room })
      if (cache === 'warm') await warm(emaki, streams)
      let acked = cache === 'warm' ? streams : 0
      const act = async () => {
        await revise(emaki, Math.floor(Math.random() * streams))
        acked++
      }
      return driven(
        { act, callers: CALLERS, events: 1, postmaster: server.pid },
        { check: () => checkLog(url, seeded + acked), close: () => emaki.close() },
      )
    },
  }
}

async function warm(emaki: Runtime, streams: number): Promise<void> {
  for (let first = 0; first < streams; first += WARMING)
    await Promise.all(Array.from({ length: Math.min(WARMING, streams - first) }, (_, i) => revise(emaki, first + i)))
}

async function revise(emaki: Runtime, index: number): Promise<void> {
  const { outcome } = await emaki.send(order.revise(seededId(index), basket()))
  if (outcome !== 'accepted') throw new Error(`a revision was answered ${outcome}`)
}
