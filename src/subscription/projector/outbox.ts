import type { AgendaChange } from '../../definitions/process/instance.ts'
import type { NewAgenda } from '../../ports/agenda/agenda.ts'

/** Takes commands and timers out of rows as they are written, for the agenda, which is written in the same transaction. */
export type Outbox = {
  /** The row as it is written (null: it is gone), and its changes to the agenda. `isReplayed`: they were sent long ago. */
  readonly splitRow: (
    key: string,
    row: object,
    isReplayed: boolean,
  ) => { readonly row: object | null; readonly changes: readonly AgendaChange[] }
  /** The row without what it wants by the event at this position. */
  readonly dropChanges: (row: object, position: number) => object
  /** The changes of a page as one. */
  readonly toAgenda: (changes: readonly AgendaChange[]) => NewAgenda
  /** Called once they are durable. */
  readonly onSaved: (agenda: NewAgenda) => void
}
