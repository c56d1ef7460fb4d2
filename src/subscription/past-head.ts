// A log that was restored alone, to an earlier time: subscriptions are past its head, and would pass over what is appended there.
import type { ProcessorSpec } from '../definitions/processor.ts'
import type { Progress } from '../ports/read-model/progress.ts'
import { StoreError } from '../ports/store/errors.ts'
import type { Store } from '../ports/store/store.ts'

/** The head, and the checkpoints that are past it. */
export async function pastHead(store: Store): Promise<{ readonly head: number; readonly past: readonly Progress[] }> {
  // Asked first: what is appended and handled meanwhile is not past it.
  const progress = await store.readModel.progress()
  const head = await store.head()
  return { head, past: progress.filter(({ position }) => position > head) }
}

/** Closes the store and throws where subscriptions are past the head, except for a processor that is to start beyond the end of the log. */
export async function refuseRestoredLog(store: Store, processors: readonly ProcessorSpec[]): Promise<void> {
  const { head, past } = await pastHead(store)
  const starts = new Map(processors.map(({ name, start }) => [name, start]))
  const wrong = past.filter(({ name, position }) => starts.get(name) !== position)
  if (!wrong.length) return
  await store.close()
  const places = wrong.map(({ name, position }) => `${name}, at ${position}`).join('; ')
  throw new StoreError(
    'refused',
    `the log ends at ${head}, before ${places}: where it was restored, run \`emaki restore\` to go on from there`,
  )
}
