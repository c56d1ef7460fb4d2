// A log that was restored alone, to an earlier time: subscriptions are past its head, and would pass over what is appended there.
import type { Progress } from '../read-model/read-model.ts'
import type { Store } from '../store/store.ts'

/** The head, and the checkpoints that are past it. */
export async function pastHead(store: Store): Promise<{ readonly head: number; readonly past: readonly Progress[] }> {
  // Asked first: what is appended and handled meanwhile is not past it.
  const progress = await store.readModel.progress()
  const head = await store.head()
  return { head, past: progress.filter(({ position }) => position > head) }
}
