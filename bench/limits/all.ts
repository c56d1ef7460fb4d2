import type { Arena, Contestant } from '../contestant.ts'
import { type Plan, solo } from '../duel.ts'
import { valuedByMedian } from '../measure/driven.ts'
import { limitRow, type Row } from '../row.ts'
import { bare, honoEcho } from '../systems/http.ts'
import { postgresLog } from '../systems/orders-log.ts'
import { insert } from './l1-insert.ts'
import { pgbench } from './l1-pgbench.ts'
import { groupCommit } from './l2-group-commit.ts'
import { ROWS, unnest } from './l3-unnest.ts'
import { appendFunction } from './l4-append-function.ts'
import { copyIn } from './l5-copy-in.ts'
import { copyOut } from './l6-copy-out.ts'
import { foldInMemory } from './l7-fold.ts'
import { redisLimits } from './l10-redis.ts'
import { sqliteInsert } from './l11-sqlite.ts'

/** `cells`: those that are held against it, or that it explains. */
type Limit = readonly [cell: string, variant: string, unit: string, contestant: Contestant, cells: readonly string[]]

const APPENDS = ['W1', 'W2', 'W3', 'W4', 'W12', 'W15']

const limits: readonly Limit[] = [
  ['L1', '1', 'ms', valuedByMedian(insert), APPENDS],
  ...(Bun.which('pgbench') ? [['L1', 'pgbench-1', 'ms', pgbench, APPENDS] as const] : []),
  ['L2', '4..64', 'events/s', groupCommit, APPENDS],
  ['L3', String(ROWS), 'events/s', unnest, APPENDS],
  ['L4', '1', 'ms', valuedByMedian(appendFunction(1)), APPENDS],
  ['L4', String(ROWS), 'events/s', appendFunction(ROWS), [...APPENDS, 'W5']],
  ['L5', 'copy-in', 'events/s', copyIn, ['W5']],
  ['L6', 'copy-out', 'events/s', copyOut(postgresLog()), ['W6']],
  ['L7', 'memory', 'events/s', foldInMemory(postgresLog()), ['W6']],
  ['L8', '64', 'requests/s', bare, ['W8']],
  ['L9', '64', 'requests/s', honoEcho, ['W8']],
  ...redisLimits.map(([variant, contestant]) => ['L10', variant, 'requests/s', contestant, ['W9']] as const),
  ['L11', 'sqlite-1', 'events/s', sqliteInsert(1), ['W13']],
  ['L11', `sqlite-${ROWS}`, 'events/s', sqliteInsert(ROWS), ['W13']],
]

/** Every limit by itself that a cell of those asked for is held against; null: all of them. */
export async function* measureLimits(arena: Arena, plan: Plan, asked: ReadonlySet<string> | null): AsyncGenerator<Row> {
  for (const [cell, variant, unit, contestant, cells] of limits)
    if (!asked || cells.some(id => asked.has(id)))
      yield limitRow({ cell, variant, unit, target: '' }, await solo(arena, plan, contestant))
}
