// restore: the steps after a database was restored from a backup, before it is served again.
import { createInterface } from 'node:readline/promises'
import { projectionOf } from '../definitions/projection/projection.ts'
import { StoreError } from '../ports/store/errors.ts'
import type { Store } from '../ports/store/store.ts'
import type { RestoreResult } from '../ports/store/upkeep.ts'
import { pastHead } from '../subscription/past-head.ts'
import { liveLeases } from '../subscription/pausing.ts'
import { EXIT } from './exit-codes.ts'
import { withStore } from './opened.ts'
import { paintFor } from '../lib/paint.ts'
import { Misused, type Verb } from './verb.ts'

export const restoreVerb: Verb = {
  does: 'after a restore of the database from a backup: begin a new epoch, so that earlier positions and tokens are refused',
  options: { yes: { does: 'do not ask for confirmation' } },
  json: true,
  run: async call => {
    if (call.values['yes'] !== true && !(await isConfirmed())) return EXIT.PROBLEM
    const found = await withStore(call, restoreLog, { exclusive: true })
    console.log(call.json ? JSON.stringify(found) : textOf(found))
    return 0
  },
}

/**
 * A subscription whose checkpoint was past the head. `rows`: folded again from the log, or kept, and then they may
 * include lost events.
 */
export type Moved = {
  readonly name: string
  readonly from: number
  readonly to: number
  readonly rows: 'folded again' | 'kept' | 'none'
}

/**
 * Begins a new epoch, and moves back every subscription that is past the head. Such a subscription would skip the
 * events that are appended there. Throws a StoreError if a process still has a lease. If it stops in the middle, run it
 * again.
 */
export async function restoreLog(
  store: Store,
): Promise<RestoreResult & { readonly head: number; readonly moved: readonly Moved[] }> {
  const live = await liveLeases(store.readModel)
  if (live.length) {
    const found = live.map(({ name, owner, leftMs }) => `${name}: ${owner}, for ${Math.ceil(leftMs / 1_000)} s more`).join('; ')
    throw new StoreError('refused', `a process still has leases (${found}); stop it first, or wait if it has ended`)
  }
  const { head, past } = await pastHead(store)
  const moved: Moved[] = []
  for (const { name, position } of past) moved.push(await movedBack(store, name, position, head))
  return { ...(await store.beginEpoch()), head, moved }
}

async function movedBack({ readModel }: Store, name: string, from: number, head: number): Promise<Moved> {
  const tables = await readModel.tables()
  if (tables.includes(name)) {
    await readModel.reset(name, 0)
    return { name, from, to: 0, rows: 'folded again' }
  }
  await readModel.reset(name, head)
  // A process makes missing states from the log, up to its checkpoint, and sends nothing for them.
  const states = tables.filter(table => projectionOf(table) === name)
  for (const table of states) await readModel.drop(table)
  return { name, from, to: head, rows: states.length ? 'folded again' : name.startsWith('sql_') ? 'kept' : 'none' }
}

async function isConfirmed(): Promise<boolean> {
  if (!process.stdin.isTTY) throw new Misused('restore asks for confirmation; without a terminal it needs --yes')
  const asking = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await asking.question('All earlier positions and tokens will be refused. Continue? [y/N] ')
    return /^y(es)?$/i.test(answer.trim())
  } finally {
    asking.close()
  }
}

function textOf({ epoch, head, keys, snapshots, entries, moved }: Awaited<ReturnType<typeof restoreLog>>): string {
  const { bold, yellow } = paintFor()
  const gone = [
    ...(keys ? [`${keys} idempotency keys`] : []),
    ...(snapshots ? [`${snapshots} snapshots`] : []),
    ...(entries ? [`${entries} entries of the agenda`] : []),
  ]
  return [
    bold(`the log is at position ${head}, in epoch ${epoch}: earlier tokens are refused`),
    ...(gone.length ? [`deleted, because their events are gone: ${gone.join(', ')}`] : []),
    ...moved.map(({ name, from, to, rows }) => `${name} was past the head, at ${from}: it continues from ${to}${rowsText(rows)}`),
    ...(moved.some(({ rows }) => rows === 'kept')
      ? [
          yellow(
            'tables of sql projections may include events that are no longer in the log: raise their versions to fill them again',
          ),
        ]
      : []),
  ].join('\n')
}

function rowsText(rows: Moved['rows']): string {
  return rows === 'none' ? '' : rows === 'kept' ? ', its tables are as they are' : ', its rows are folded again'
}
