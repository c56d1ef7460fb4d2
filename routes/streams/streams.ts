// GET /streams/{stream}: the history of a stream, page by page. A full page never changes.
import type { Context, Handler } from 'hono'
import { categoryOf } from '../../src/definitions/event/stream-name.ts'
import { inSequence } from '../../src/ports/store/sequence.ts'
import type { StoredEvent } from '../../src/ports/store/event.ts'
import { isFull } from '../../src/ports/store/page-size.ts'
import { servicesOf } from '../context.ts'
import { baseOf } from '../http/base-path.ts'
import { hasVersion } from '../http/etag.ts'
import { isEncoded } from '../commands/ids.ts'
import { problem } from '../http/problem.ts'

const LIMIT_DEFAULT = 100
const LIMIT_MAX = 1_000
/** A page is full once its payloads have this size, in bytes, whatever its limit is. */
const PAGE_SIZE_MAX = 4_194_304

/**
 * Makes the handler for the events of a stream after `?after=` (a version): at most `?limit=`, and no more than fit
 * into a page. `next` leads to the next page if this one is full.
 */
export function getStream(isPublic: (category: string) => boolean): Handler {
  return async c => {
    const stream = c.req.param('stream')!
    c.set('emakiAbout', { stream })
    const after = numberOf(c, 'after', 0, Number.MAX_SAFE_INTEGER)
    if (after instanceof Response) return after
    const limit = numberOf(c, 'limit', LIMIT_DEFAULT, LIMIT_MAX)
    if (limit instanceof Response) return limit
    if (stream.includes('\0') || !isEncoded(c.req.raw.url)) return problem(c, 'stream-not-found')
    const { store } = servicesOf(c)
    const bounds = { limit, sizeMax: PAGE_SIZE_MAX }
    const events = inSequence(await store.read(stream, { after, ...bounds }), after)
    const version = events.at(-1)?.version ?? (await versionOf(c, stream))
    if (version === 0) return problem(c, 'stream-not-found')
    const full = isFull(events, bounds)
    const scope = isPublic(categoryOf(stream)) ? 'public' : 'private'
    // What a rule has let one caller see, the next user of the same browser may not.
    const isKept = full && (scope === 'public' || !c.get('emakiAccess').isRuled)
    const headers = {
      ETag: `"${version}"`,
      'Cache-Control': isKept ? `${scope}, max-age=31536000, immutable` : `${scope}, no-cache`,
    }
    if (hasVersion(c, version)) return c.body(null, 304, headers)
    const next = full ? `${baseOf(c)}/streams/${encodeURIComponent(stream)}?after=${version}&limit=${limit}` : null
    return c.json({ stream, version, events: events.map(showEvent), next }, 200, {
      ...headers,
      ...(next && { Link: `<${next}>; rel="next"` }),
    })
  }
}

/** A stored event as HTTP shows it: its type without the category, its payload as it was appended. */
export function showEvent({ id, type, data, version, position, at, meta, schema }: StoredEvent): object {
  return { id, type, data: JSON.parse(data) as unknown, version, position, at, meta: { ...(JSON.parse(meta) as object), schema } }
}

async function versionOf(c: Context, stream: string): Promise<number> {
  const { streams } = await servicesOf(c).store.load([{ stream, after: Number.MAX_SAFE_INTEGER }], [])
  return streams[0]!.version
}

function numberOf(c: Context, name: string, fallback: number, max: number): number | Response {
  const text = c.req.query(name)
  if (text === undefined) return fallback
  const value = /^(0|[1-9][0-9]{0,15})$/.test(text) ? Number(text) : -1
  const least = name === 'limit' ? 1 : 0
  return value >= least && value <= max
    ? value
    : problem(c, 'validation-failed', {
        errors: [{ pointer: `#/${name}`, detail: `expected a whole number from ${least} to ${max}` }],
      })
}
