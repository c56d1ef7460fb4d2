import type { Contestant, Sample } from '../contestant.ts'
import { closedLoop } from '../measure/closed-loop.ts'
import { bareTable } from './bare-table.ts'
import { insertRow } from './l1-insert.ts'

const CONNECTIONS = [4, 16, 64]

/** L2: one INSERT a transaction, from as many connections as serve best. */
export const groupCommit: Contestant = {
  system: 'postgres',
  open: async arena => {
    const { sql, check } = await bareTable(arena, Math.max(...CONNECTIONS))
    const won = new Map<number, number>()
    let acted = 0
    const act = async () => {
      await insertRow(sql)
      acted++
    }
    const run = async (ms: number): Promise<Sample> => {
      let best: Sample | null = null
      let winner = 0
      for (const callers of CONNECTIONS) {
        const sample = await closedLoop({ act, callers, events: 1, postmaster: arena.server.pid }, ms / CONNECTIONS.length)
        if (best && best.value >= sample.value) continue
        best = sample
        winner = callers
      }
      won.set(winner, (won.get(winner) ?? 0) + 1)
      return best!
    }
    const note = () => `best with ${[...won].sort(([, a], [, b]) => b - a)[0]?.[0]} connections`
    return { run, note, check: () => check(acted), close: () => sql.end() }
  },
}
