import type { AgendaChange } from '../../definitions/process/instance.ts'
import type { NewAgenda } from '../../ports/agenda/agenda.ts'

/** Takes commands and timers out of rows as they are written. The same transaction writes them to the agenda. */
export type Outbox = {
  /**
   * The row as it is written (null: it is gone), and its changes to the agenda. `isReplayed`: they were sent long ago.
   */
  readonly splitRow: (
    key: string,
    row: object,
    isReplayed: boolean,
  ) => { readonly row: object | null; readonly changes: readonly AgendaChange[] }
  /** The row without the changes to the agenda that come from the event at this position. */
  readonly dropChanges: (row: object, position: number) => object
  /** Combines the changes of a page. */
  readonly toAgenda: (changes: readonly AgendaChange[]) => NewAgenda
  /** Called once the changes are durable. */
  readonly onSaved: (agenda: NewAgenda) => void
}
