// Rows that were folded by other code than today's. In development they are folded again, and in production reported.
import { IS_PRODUCTION } from '../definitions/environment.ts'
import type { ReadModel } from '../ports/read-model/read-model.ts'
import { Notice, type Report } from '../ports/report/notice.ts'

export type FoldCheck = {
  readonly store: { readonly readModel: ReadModel }
  readonly report: Report
  /** Whether rows of another fold are emptied and folded again. Default: unless in production. */
  readonly refoldsChanged?: boolean
}

/** A table of rows: its name, which is that of its subscription, its definition, and the fingerprint of its fold. */
export type FoldedTable = { readonly table: string; readonly projection: string; readonly fold: string; readonly mend: string }

/** How many folds of a table are remembered. */
const FOLDS_MAX = 16

/**
 * Compares the fold of a table with the folds that have written its rows since it was empty. Each process does so once,
 * as it starts, so two releases that run side by side do not undo each other's work.
 */
export async function checkFold(
  { store: { readModel }, report, refoldsChanged = !IS_PRODUCTION }: FoldCheck,
  checked: FoldedTable,
): Promise<void> {
  const { table, fold } = checked
  const [progress] = await readModel.progress([table])
  // The subscription notes its fold as it begins with an empty table.
  if (!progress || progress.position === 0) return
  const folds = await readModel.fingerprints(table)
  const isChanged = hasOtherFold(folds, fold)
  if (isChanged && refoldsChanged) {
    await readModel.reset(table, 0)
    return report(refoldNotice(checked))
  }
  if (!folds.includes(fold)) await readModel.setFingerprints(table, [...folds, fold].slice(-FOLDS_MAX))
  if (isChanged) report(changedNotice(checked))
}

/** Whether some rows were folded by another fold. */
export function hasOtherFold(folds: readonly string[], fold: string): boolean {
  return folds.some(one => one !== fold)
}

/** What mends rows of another fold, as a sentence. */
export function mendingOf(kind: 'projection' | 'sql-projection', name: string): string {
  return `Raise the version of ${name}, or run ${kind === 'projection' ? 'rebuild' : 'reset'} ${name}.`
}

function refoldNotice({ table, projection }: FoldedTable): Notice {
  const message = `The rows of ${table} were folded by other code than today's. They are folded again from the beginning, as this is not production.`
  return new Notice({ level: 'info', code: 'rows-refolded', message, fields: { subscription: table, projection } })
}

function changedNotice({ table, projection, mend }: FoldedTable): Notice {
  const message = `Rows of ${table} were folded by other code than today's, and its version is the same. They serve as they are. ${mend}`
  return new Notice({ level: 'warn', code: 'fold-changed', message, fields: { subscription: table, projection } })
}
