// The log as lines, from a position up to the head at the beginning of the export.
import type { StoredEvent } from '../ports/store/event.ts'
import { logPages, streamPages } from '../ports/store/pages.ts'
import type { Store } from '../ports/store/store.ts'
import { cloudEvent } from './cloud-event.ts'
import { storedLine } from './stored-line.ts'

export const EXPORT_FORMATS = ['jsonl', 'cloudevents'] as const
export type ExportFormat = (typeof EXPORT_FORMATS)[number]

export type ExportOptions = {
  /** Default: `jsonl`, which an import can read. */
  readonly format?: ExportFormat
  /** Only events after this position. Default: 0. */
  readonly after?: number
  readonly category?: string
  readonly stream?: string
}

/**
 * Gives the lines of one page at a time, each with its line feed. Reads the next page when it is needed. Throws
 * DamagedStream.
 */
export async function* exportLines(
  store: Store,
  { format = 'jsonl', after = 0, category, stream }: ExportOptions = {},
): AsyncGenerator<{ readonly text: string; readonly events: number; readonly position: number }> {
  const until = await store.head()
  const filter = category === undefined ? {} : { filter: new Map([[category, null]]) }
  const pages = stream === undefined ? logPages(store, { after, until, ...filter }) : pagesBetween(store, stream, after, until)
  for await (const page of pages) {
    const lines = page.map(event => (format === 'jsonl' ? storedLine(event) : cloudEvent(event, store.identity)))
    yield { text: lines.map(line => `${line}\n`).join(''), events: page.length, position: page.at(-1)!.position }
  }
}

/** Gives the pages of a stream, reduced to events between two positions. */
async function* pagesBetween(store: Store, stream: string, after: number, until: number): AsyncGenerator<readonly StoredEvent[]> {
  for await (const page of streamPages(store, stream)) {
    const wanted = page.filter(({ position }) => position > after && position <= until)
    if (wanted.length) yield wanted
  }
}
