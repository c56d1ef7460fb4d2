// The log as lines, from after a position to where its head was at the beginning.
import { inSequence, Versions } from '../store/sequence.ts'
import type { StoredEvent } from '../store/event.ts'
import { isFull } from '../store/page-size.ts'
import type { Store } from '../store/store.ts'
import { cloudEvent } from './cloud-event.ts'
import { storedLine } from './stored-line.ts'

export const EXPORT_FORMATS = ['jsonl', 'cloudevents'] as const
export type ExportFormat = (typeof EXPORT_FORMATS)[number]

export type ExportOptions = {
  /** Default: `jsonl`, which an import takes back. */
  readonly format?: ExportFormat
  /** Only events after this position. Default: 0. */
  readonly after?: number
  readonly category?: string
  readonly stream?: string
}

const PAGE_EVENTS = 500
const BOUNDS = { limit: PAGE_EVENTS, sizeMax: 4_194_304 }

/** Lines of a page at a time, each with its line feed; the next page is read when it is asked for. Throws DamagedStream. */
export async function* exportLines(
  store: Store,
  { format = 'jsonl', after = 0, category, stream }: ExportOptions = {},
): AsyncGenerator<{ readonly text: string; readonly events: number; readonly position: number }> {
  const until = await store.head()
  const pages = stream === undefined ? logPages(store, after, until, category) : streamPages(store, stream, after, until)
  for await (const page of pages) {
    const lines = page.map(event => (format === 'jsonl' ? storedLine(event) : cloudEvent(event, store.identity)))
    yield { text: lines.map(line => `${line}\n`).join(''), events: page.length, position: page.at(-1)!.position }
  }
}

async function* logPages(
  store: Store,
  after: number,
  until: number,
  category: string | undefined,
): AsyncGenerator<readonly StoredEvent[]> {
  const filter = category === undefined ? {} : { filter: new Map([[category, null]]) }
  const versions = new Versions(after)
  for (let from = after; ; ) {
    const page = await store.readAll({ after: from, until, ...BOUNDS, ...filter })
    versions.check(page)
    if (page.length) yield page
    if (!isFull(page, BOUNDS)) return
    from = page.at(-1)!.position
  }
}

async function* streamPages(store: Store, stream: string, after: number, until: number): AsyncGenerator<readonly StoredEvent[]> {
  for (let version = 0; ; ) {
    const page = inSequence(await store.read(stream, { after: version, limit: PAGE_EVENTS }), version)
    const wanted = page.filter(({ position }) => position > after && position <= until)
    if (wanted.length) yield wanted
    if (page.length < PAGE_EVENTS) return
    version = page.at(-1)!.version
  }
}
