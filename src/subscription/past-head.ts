// Detects a log that was restored alone, to an earlier time. Subscriptions are past its head, and would pass over new
// events there.
import { verbCommand } from '../lib/verb-command.ts'
import type { Definitions } from '../definitions/definition.ts'
import type { Progress } from '../ports/read-model/progress.ts'
import { startsOf } from './starts.ts'
import { StoreError } from '../ports/store/errors.ts'
import type { Store } from '../ports/store/store.ts'

/** Finds the checkpoints that are past the head of the log. */
export async function pastHead(store: Store): Promise<{ readonly head: number; readonly past: readonly Progress[] }> {
  // The checkpoints are read first, so that events which are appended and handled meanwhile are not past the head.
  const progress = await store.readModel.progress()
  const head = await store.head()
  return { head, past: progress.filter(({ position }) => position > head) }
}

/**
 * Throws if the log is a copy that was not restored by our own verb, or if subscriptions are past
 * the head. A process or a processor may start beyond the end of the log.
 */
export async function refuseRestoredLog(store: Store, definitions: Pick<Definitions, 'process' | 'processor'>): Promise<void> {
  const { restoredFrom } = store.identity
  if (restoredFrom !== undefined) {
    const shown = 'the log was restored from a dump of another database'
    throw new StoreError(
      'refused',
      `the log was made in another database (${restoredFrom}) and restored here. There, it may be served too, and go on otherwise. Where that never happens again, run \`${verbCommand('restore')}\`: it begins a new epoch here`,
      { shown },
    )
  }
  const { head, past } = await pastHead(store)
  const starts = new Map(startsOf(definitions).map(({ subscription, start }) => [subscription, start]))
  const wrong = past.filter(({ name, position }) => starts.get(name) !== position)
  if (!wrong.length) return
  const places = wrong.map(({ name, position }) => `${name}, at ${position}`).join('; ')
  throw new StoreError(
    'refused',
    `the log ends at ${head}, before ${places}: where it was restored, run \`${verbCommand('restore')}\` to go on from there`,
  )
}
