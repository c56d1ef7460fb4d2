import type { AgendaChange } from '../../definitions/process/instance.ts'
import type { NewAgenda } from '../../ports/agenda/agenda.ts'

/** A row that was written (null: it is gone), and how many facts were passed over for it. */
export type SavedRow = { readonly key: string; readonly row: object | null; readonly passed: number }

/** Takes commands and timers out of rows as they are written. The same transaction writes them to the agenda. */
export type Outbox = {
  /** The row as it is written, and its changes to the agenda. */
  readonly splitRow: (key: string, row: object) => Omit<SavedRow, 'key'> & { readonly changes: readonly AgendaChange[] }
  /** The row without the changes to the agenda that come from the event at this position. */
  readonly dropChanges: (row: object, position: number) => object
  /** Combines the changes of a page. */
  readonly toAgenda: (changes: readonly AgendaChange[]) => NewAgenda
  /** Called once the rows and the changes are durable. */
  readonly onSaved: (agenda: NewAgenda, rows: readonly SavedRow[]) => void
}
