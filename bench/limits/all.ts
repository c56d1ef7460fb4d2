import type { Arena, Contestant } from '../contestant.ts'
import { type Plan, solo } from '../duel.ts'
import { valuedByMedian } from '../measure/driven.ts'
import { limitRow, type Row } from '../row.ts'
import { bare, honoEcho } from '../systems/http.ts'
import { insert } from './l1-insert.ts'
import { pgbench } from './l1-pgbench.ts'
import { groupCommit } from './l2-group-commit.ts'
import { ROWS, unnest } from './l3-unnest.ts'
import { appendFunction } from './l4-append-function.ts'
import { sqliteInsert } from './l11-sqlite.ts'

type Limit = readonly [cell: string, variant: string, unit: string, contestant: Contestant]

const limits: readonly Limit[] = [
  ['L1', '1', 'ms', valuedByMedian(insert)],
  ...(Bun.which('pgbench') ? [['L1', 'pgbench-1', 'ms', pgbench] as const] : []),
  ['L2', '4..64', 'events/s', groupCommit],
  ['L3', String(ROWS), 'events/s', unnest],
  ['L4', '1', 'ms', valuedByMedian(appendFunction(1))],
  ['L4', String(ROWS), 'events/s', appendFunction(ROWS)],
  ['L8', '64', 'requests/s', bare],
  ['L9', '64', 'requests/s', honoEcho],
  ['L11', 'sqlite-1', 'events/s', sqliteInsert(1)],
  ['L11', `sqlite-${ROWS}`, 'events/s', sqliteInsert(ROWS)],
]

/** Every limit by itself, whatever cells follow. */
export async function* measureLimits(arena: Arena, plan: Plan): AsyncGenerator<Row> {
  for (const [cell, variant, unit, contestant] of limits)
    yield limitRow({ cell, variant, unit, target: '' }, await solo(arena, plan, contestant))
}
