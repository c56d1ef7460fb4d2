// What doctor says of an app's code beside its log: events that cannot be read, and rows of other folds.
import { runningOf, type Served, sortDefinitions } from '../definitions/definition.ts'
import { foldFingerprint } from '../definitions/projection/fold-fingerprint.ts'
import { tableOf } from '../definitions/projection/projection.ts'
import { subscriptionOf } from '../definitions/projection/sql-projection.ts'
import type { Diagnosis } from '../ports/store/diagnosis.ts'
import type { Store } from '../ports/store/store.ts'
import { hasOtherFold, mendingOf } from '../subscription/changed-folds.ts'
import { isTableOf } from '../subscription/projection-versions.ts'
import { exampleOf, familiesRead, findUnreadable, MEND } from '../subscription/unreadable-events.ts'

/** Tries to read samples of the log with the app's events. */
export async function diagnoseReading(store: Store, serve: readonly Served[]): Promise<readonly Diagnosis[]> {
  const found = await findUnreadable(store, familiesRead(sortDefinitions(serve)))
  if (!found.length) return [{ name: 'events', status: 'ok', found: 'the samples can be read' }]
  return found.map(one => ({
    name: `events ${one.category}.${one.type}`,
    status: 'problem',
    found: `cannot be read: ${exampleOf(one)}`,
    fix: MEND,
  }))
}

/** Compares the folds that wrote the rows of each projection with today's. */
export async function diagnoseFolds(store: Store, serve: readonly Served[]): Promise<readonly Diagnosis[]> {
  const folded = await Promise.all(serve.map(one => diagnoseFold(store, one)))
  return folded.flat()
}

async function diagnoseFold({ readModel }: Store, served: Served): Promise<readonly Diagnosis[]> {
  const one = runningOf(served)
  if (one.kind !== 'sql-projection' && (one.kind !== 'projection' || one.live)) return []
  const serving = one.kind === 'projection' ? await readModel.serving(one.name) : subscriptionOf(one)
  const table = one.kind === 'sql-projection' || (serving !== null && isTableOf(one, serving)) ? serving! : tableOf(one)
  if (!hasOtherFold(await readModel.fingerprints(table), foldFingerprint(one))) return []
  return [
    {
      name: `rows ${table}`,
      status: 'warning',
      found: "some were folded by other code than today's, and the version is the same",
      fix: mendingOf(one.kind, one.name),
    },
  ]
}
