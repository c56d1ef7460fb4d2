// events: the end of the log, or the events after a position; with --follow also the events that are appended from then
// on.
import { bareTypes, type EventFilter, filterTest, storeFilter } from '../ports/store/event-filter.ts'
import { categoryOf } from '../definitions/event/stream-name.ts'
import { logPages, PAGE_EVENTS_MAX, streamPages } from '../ports/store/pages.ts'
import type { StoredEvent } from '../ports/store/event.ts'
import type { Store } from '../ports/store/store.ts'
import { sleep } from '../lib/sleep.ts'
import { cloudEvent } from '../transfer/cloud-event.ts'
import { withStore } from './opened.ts'
import { standardOutput } from './output.ts'
import { paintFor, plain } from '../lib/paint.ts'
import { hintUnknown } from './unknown-names.ts'
import { type Call, Misused, numberOf, textOf, type Values, type Verb } from './verb.ts'

const LAST = 20
/** The first search for the last events covers this many events; each further one covers that many times more. */
const WINDOW_EVENTS = 1_000
const WINDOW_GROWTH = 4
/** Of the log's last so many events those of a correlation are looked for, where no position is given. */
const CORRELATED_EVENTS = 1_000_000
/** Reads the log at least this often, in ms, even without an announcement. */
const ASK_EVERY_MS = 1_000
/** The fewest characters of an event's data that a terminal shows. */
const DATA_WIDTH_MIN = 20

export const eventsVerb: Verb = {
  does: `show the last events, ${LAST} of them, or those after a position; --json as CloudEvents, one a line`,
  options: {
    follow: { does: 'continue with events as they are appended, until SIGINT' },
    category: { takes: 'C', does: 'only events of a category' },
    type: { takes: 'T', does: 'only events of a type: Placed, or order.Placed' },
    stream: { takes: 'S', does: 'only events of a stream' },
    correlation: {
      takes: 'ID',
      does: `the events of a correlation among the last ${CORRELATED_EVENTS}, or after a position, the oldest first`,
    },
    after: { takes: 'N', does: 'only events after position N, the oldest first' },
    limit: { takes: 'N', does: 'at most N events: the last ones, or with --after the first ones' },
    reverse: { does: 'the last events, the newest first' },
  },
  json: true,
  run: showEvents,
}

async function showEvents(call: Call): Promise<number> {
  const { values, json } = call
  const isReversed = values['reverse'] === true
  if (isReversed && (['after', 'follow', 'correlation'] as const).some(name => values[name] !== undefined))
    throw new Misused('--reverse shows the last events: it takes no --after, no --follow and no --correlation')
  const [asked, limit, filter] = [numberOf(values, 'after', 0), numberOf(values, 'limit', 1), filterOf(values)]
  const stop = new AbortController()
  const interrupt = () => stop.abort()
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  try {
    return await withStore(call, async store => {
      const sink = standardOutput()
      const line = json ? (event: StoredEvent) => cloudEvent(event, store.identity) : lineFor()
      const write = (events: readonly StoredEvent[]) => sink.write(events.map(event => `${line(event)}\n`).join(''))
      const head = await store.head()
      const after = asked ?? (filter.correlations.length ? Math.max(0, head - CORRELATED_EVENTS) : undefined)
      const most = after === undefined ? Number.POSITIVE_INFINITY : (limit ?? Number.POSITIVE_INFINITY)
      const source = sourceOf(store, filter, head, after ?? 0)
      const last = after === undefined ? await source.last(limit ?? LAST) : []
      const pages = after === undefined ? [isReversed ? last.toReversed() : last] : source.pages()
      let [left, lookedTo] = [most, head]
      let isEmpty = true
      for await (const page of pages) {
        if (stop.signal.aborted) return 0
        if (left === 0) break
        const events = page.slice(0, left)
        left -= events.length
        isEmpty &&= events.length === 0
        if (!(await write(events))) return 0
        if (left === 0 && events.length) lookedTo = events.at(-1)!.position
      }
      if (filter.correlations.length) tellLooked(after ?? 0, lookedTo, asked === undefined)
      if (isEmpty && values['follow'] !== true && !filter.correlations.length) tellNothing(call.serve, filter)
      if (values['follow'] === true && left > 0)
        await follow(store, filter, { head: Math.max(head, after ?? 0), left, write, signal: stop.signal })
      return 0
    })
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
  }
}

/** Standard output is empty then, for whoever reads it. */
function tellNothing(serve: Call['serve'], { categories, types, streams }: EventFilter): void {
  console.error('there are no such events')
  for (const name of types) hintUnknown(serve, 'event', name)
  for (const name of [...categories, ...streams.map(categoryOf)]) hintUnknown(serve, 'category', name)
}

/** A correlation has no index, so its events are looked for in a part of the log. Says which part that was. */
function tellLooked(after: number, until: number, isDefault: boolean): void {
  const rest = isDefault && after > 0 ? `; --after 0 looks at all before it` : ''
  console.error(`looked at positions ${after + 1} to ${until}${rest}`)
}

function filterOf(values: Values): EventFilter {
  const [categories, types, streams, correlations] = (['category', 'type', 'stream', 'correlation'] as const).map(name => {
    const value = textOf(values, name)
    return value === undefined ? [] : [value]
  })
  return { categories: categories!, types: types!, streams: streams!, correlations: correlations! }
}

type Pages = AsyncIterable<readonly StoredEvent[]>
type EventSource = {
  /** Gives the pages of the events that pass, after the position that was asked for. */
  readonly pages: () => Pages
  /** The last events that pass, the oldest first. */
  readonly last: (limit: number) => Promise<readonly StoredEvent[]>
}

function sourceOf(store: Store, filter: EventFilter, head: number, after: number): EventSource {
  const [stream] = filter.streams
  if (stream !== undefined) return streamSource(store, filter, stream, { head, after })
  return {
    pages: () => logFrom(store, filter, after, head),
    last: limit => lastOf((from, until) => logFrom(store, filter, from, until), head, limit),
  }
}

function streamSource(
  store: Store,
  filter: EventFilter,
  stream: string,
  { head, after }: { readonly head: number; readonly after: number },
): EventSource {
  const wanted = eventTest(filter)
  const isWanted = (event: StoredEvent) => event.position > after && event.position <= head && wanted(event)
  const types = filter.types.length ? { types: bareTypes(filter.types, categoryOf(stream)) } : {}
  return {
    pages: () => filterPages(streamPages(store, stream), isWanted),
    last: limit => {
      const pages = { backwards: true, limit: Math.min(limit, PAGE_EVENTS_MAX), ...types }
      return newestOf(filterPages(streamPages(store, stream, pages), isWanted), limit)
    },
  }
}

async function newestOf(pages: Pages, limit: number): Promise<readonly StoredEvent[]> {
  const found: StoredEvent[] = []
  for await (const page of pages) {
    found.push(...page)
    if (found.length >= limit) break
  }
  return found.slice(0, limit).toReversed()
}

function logFrom(store: Store, filter: EventFilter, after: number, until: number): Pages {
  const narrowed = storeFilter(filter)
  return filterPages(logPages(store, { after, until, ...(narrowed && { filter: narrowed }) }), eventTest(filter))
}

/** Also gives a page without matching events: the caller checks between pages whether to stop. */
async function* filterPages(pages: Pages, isWanted: (event: StoredEvent) => boolean): Pages {
  for await (const page of pages) yield page.filter(isWanted)
}

function eventTest(filter: EventFilter): (event: StoredEvent) => boolean {
  const named = filterTest(filter)
  return ({ stream, type, meta }) => named({ stream, type, meta, category: categoryOf(stream) })
}

/** The last events that pass. Reads wider and wider windows at the end until there are enough. */
async function lastOf(
  pages: (after: number, until: number) => Pages,
  head: number,
  limit: number,
): Promise<readonly StoredEvent[]> {
  let found: readonly StoredEvent[] = []
  for (let [until, width] = [head, Math.max(limit, WINDOW_EVENTS)]; until > 0 && found.length < limit; width *= WINDOW_GROWTH) {
    const from = Math.max(0, until - width)
    let window: readonly StoredEvent[] = []
    for await (const page of pages(from, until)) window = [...window, ...page].slice(-limit)
    found = [...window, ...found].slice(-limit)
    until = from
  }
  return found
}

type Following = {
  readonly head: number
  readonly left: number
  readonly write: (events: readonly StoredEvent[]) => Promise<boolean>
  readonly signal: AbortSignal
}

async function follow(store: Store, filter: EventFilter, { head, left, write, signal }: Following): Promise<void> {
  let wake = () => {}
  const end = await store.watch(() => wake())
  try {
    for (let at = head; !signal.aborted && left > 0; ) {
      const woken = new AbortController()
      wake = () => woken.abort()
      const top = await store.head()
      for await (const page of logFrom(store, filter, at, top)) {
        const events = page.slice(0, left)
        left -= events.length
        if (!(await write(events))) return
        if (signal.aborted || left === 0) return
      }
      at = Math.max(at, top)
      await sleep(ASK_EVERY_MS, AbortSignal.any([signal, woken.signal]))
    }
  } finally {
    await end()
  }
}

function lineFor(): (event: StoredEvent) => string {
  const { bold, dim } = paintFor()
  const columns = process.stdout.isTTY ? process.stdout.columns : Number.POSITIVE_INFINITY
  return ({ position, at, stream, version, type, data }) => {
    const before = [String(position).padStart(8), at, plain(`${stream}@${version}`), type]
    const room = Math.max(DATA_WIDTH_MIN, columns - Bun.stringWidth(before.join('  ')) - 2)
    const text = plain(data)
    const cut = text.length > room ? `${text.slice(0, room - 1)}…` : text
    return [before[0], dim(before[1]!), before[2], bold(before[3]!), cut].join('  ')
  }
}
