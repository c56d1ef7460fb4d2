import type { StoredEvent } from '../ports/store/event.ts'
import type { Trace } from '../ports/trace/trace.ts'
import type { Consumer } from './consumer.ts'

/** How many of its events a trace step is linked to, at most. */
const LINKS_MAX = 128
/** How old the first event of a page may be that is a trace, in ms. */
const TRACED_MS_MAX = 60_000

type PageOptions = { readonly trace: Trace; readonly name: string; readonly consumer: Pick<Consumer, 'target'> }

/**
 * Handles a page in a trace of its own, which is linked to the appends of its events: nobody waits for a page. Of events
 * that are long in the log nothing is recorded, as a rebuild would make a trace of each page of the whole log.
 */
export function tracePage(
  { trace, name, consumer }: PageOptions,
  events: readonly StoredEvent[],
  handle: () => Promise<void>,
): Promise<void> {
  const isRecorded = trace.isRecording && Date.now() - Date.parse(events[0]!.at) < TRACED_MS_MAX
  const parents = (isRecorded ? events.slice(0, LINKS_MAX) : []).map(({ meta }) => {
    const { traceparent } = JSON.parse(meta) as { readonly traceparent?: string }
    return traceparent === undefined ? null : { traceparent }
  })
  const attributes = { 'emaki.subscription': name, 'emaki.events': events.length }
  if (!consumer.target) return trace.step('process', parents, attributes, handle, 'root')
  const { system, name: destination } = consumer.target
  const sent = { ...attributes, 'messaging.system': system, 'messaging.destination.name': destination }
  return trace.step('relay', parents, sent, handle, 'root')
}
