// Who has sent commands of late, as the log tells it: callers, inboxes and whatever else has an actor.
import { ConfigError } from '../config.ts'
import { categoryOf } from '../definitions/event/stream-name.ts'
import type { CommandSender } from '../definitions/flow.ts'
import { logPages } from '../ports/store/pages.ts'
import type { Store } from '../ports/store/store.ts'
import { withStore } from './opened.ts'
import type { Call } from './verb.ts'

/** How many events are looked at, the last of the log. */
export const EVENTS_MAX = 1_000

/** The senders that the log names. None: there is no log, or it cannot be read, which is said on stderr. */
export async function sendersOf(call: Pick<Call, 'store' | 'config'>): Promise<readonly CommandSender[]> {
  try {
    return await withStore({ ...call, config: { ...call.config, MIGRATE: false } }, readSenders)
  } catch (error) {
    // Without a log, nobody has sent anything.
    if (!(error instanceof ConfigError)) console.error(`the callers that the log names are left out: ${(error as Error).message}`)
    return []
  }
}

async function readSenders(store: Store): Promise<readonly CommandSender[]> {
  const until = await store.head()
  const found = new Map<string, CommandSender>()
  for await (const page of logPages(store, { after: Math.max(0, until - EVENTS_MAX), until, seesHoles: false }))
    for (const { stream, meta } of page) {
      const { actor } = JSON.parse(meta) as { readonly actor?: string }
      if (actor === undefined) continue
      const sender = { actor, decider: categoryOf(stream) }
      found.set(JSON.stringify(sender), sender)
    }
  return [...found.values()]
}
