import type { Store } from '../../store/store.ts'
import type { ContractCase } from '../../../test-support/contract.ts'

export type TestedAgenda = {
  /** Open, over an empty database of its own. */
  readonly store: Pick<Store, 'agenda' | 'readModel' | 'append' | 'load' | 'forgetKeys'>
  /** Moves the time, by which entries fall due and keys end, so many ms ahead. */
  readonly advance: (ms: number) => Promise<void> | void
  readonly close: () => Promise<void>
}

export type AgendaCase = ContractCase<TestedAgenda>
