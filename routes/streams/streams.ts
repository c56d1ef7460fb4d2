// GET /streams/{stream}: the history of a stream, page by page. A full page never changes.
import type { Context, Handler } from 'hono'
import { categoryOf } from '../../src/definitions/event/stream-name.ts'
import type { StoredEvent } from '../../src/ports/store/event.ts'
import type { ReadOptions } from '../../src/ports/store/log.ts'
import { isFull } from '../../src/ports/store/page-size.ts'
import { streamPage } from '../../src/ports/store/pages.ts'
import { servicesOf } from '../context.ts'
import { hasVersion } from '../http/etag.ts'
import { isEncoded } from '../commands/ids.ts'
import { problem } from '../http/problem.ts'
import { nextPage, type PageRequest, pageRequestOf, typesIn } from './page-request.ts'

/** A page is full once its payloads have this size, in bytes, whatever its limit is. */
const PAGE_SIZE_MAX = 4_194_304

/**
 * Makes the handler for a page of a stream: by version, from either end, and only of some types. A page holds no more
 * than fit into it. `next` leads to the next page if this one is full.
 */
export function getStream(isPublic: (category: string) => boolean): Handler {
  return async c => {
    const stream = c.req.param('stream')!
    c.set('emakiAbout', { stream })
    const asked = pageRequestOf(c)
    if (asked instanceof Response) return asked
    if (stream.includes('\0') || !isEncoded(c.req.raw.url)) return problem(c, 'stream-not-found')
    const options = readOptions(stream, asked)
    const events = await streamPage(servicesOf(c).store, stream, options)
    const version = newestOf(events)?.version ?? (await versionOf(c, stream))
    if (version === 0) return problem(c, 'stream-not-found')
    const full = isFull(events, options)
    const scope = isPublic(categoryOf(stream)) ? 'public' : 'private'
    // What a rule has let one caller see, the next user of the same browser may not.
    const isKept = full && isFixed(events, asked) && (scope === 'public' || !c.get('emakiAccess').isRuled)
    const headers = {
      ETag: `"${version}"`,
      'Cache-Control': isKept ? `${scope}, max-age=31536000, immutable` : `${scope}, no-cache`,
    }
    if (hasVersion(c, version)) return c.body(null, 304, headers)
    const next = full ? nextPage(c, stream, asked, events.at(-1)!.version) : null
    return c.json({ stream, version, events: events.map(showEvent), next }, 200, {
      ...headers,
      ...(next && { Link: `<${next}>; rel="next"` }),
    })
  }
}

function readOptions(stream: string, asked: PageRequest): ReadOptions {
  const { after, before, limit, isBackwards: backwards } = asked
  const types = typesIn(stream, asked)
  const until = before === null ? Number.MAX_SAFE_INTEGER : before - 1
  return { after, until, limit, backwards, sizeMax: PAGE_SIZE_MAX, ...(types && { types }) }
}

/** The event of a page with the highest version. */
function newestOf(events: readonly StoredEvent[]): StoredEvent | undefined {
  return events.length && events[0]!.version > events.at(-1)!.version ? events[0] : events.at(-1)
}

/** Whether no later event comes to a full page: it goes forwards, or begins right below a version that there is. */
function isFixed(events: readonly StoredEvent[], { isBackwards, before }: PageRequest): boolean {
  return !isBackwards || (before !== null && events[0]!.version === before - 1)
}

/** A stored event as HTTP shows it: its type without the category, its payload as it was appended. */
export function showEvent({ id, type, data, version, position, at, meta, schema }: StoredEvent): object {
  return { id, type, data: JSON.parse(data) as unknown, version, position, at, meta: { ...(JSON.parse(meta) as object), schema } }
}

async function versionOf(c: Context, stream: string): Promise<number> {
  const { streams } = await servicesOf(c).store.load([{ stream, after: Number.MAX_SAFE_INTEGER }], [])
  return streams[0]!.version
}
