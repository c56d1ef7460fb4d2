import type { DeciderSpec } from '../definitions/decider/decider.ts'
import type { Committed } from './committed-pages.ts'
import type { Outcome, Refused } from './outcome.ts'
import type { PendingCommand } from './pending-command.ts'

/** Sees what the command's path does. It must be quick, and must not throw. */
export type CommandObserver = {
  /** A command has its outcome. Null: it failed with an error that nobody expected. */
  readonly ended: (command: PendingCommand, outcome: Outcome | Refused | null) => void
  /** A command that does not fit its schema, and so is not decided. */
  readonly invalid: (decider: Pick<DeciderSpec, 'name'>, command: string) => void
  /** The stream of a command begins to work: its state was in memory, has to be loaded, or is taken for a new one's. */
  readonly opened: (decider: Pick<DeciderSpec, 'name'>, found: 'hit' | 'miss' | 'new') => void
  /** A stream was loaded: so many events were folded, after its snapshot or the state in memory. */
  readonly loaded: (decider: Pick<DeciderSpec, 'name'>, events: number) => void
  /** An append of this process is in the log. */
  readonly committed: (committed: readonly Committed[]) => void
}

/** Sees nothing. */
export const unobserved: CommandObserver = {
  ended: () => {},
  invalid: () => {},
  opened: () => {},
  loaded: () => {},
  committed: () => {},
}
