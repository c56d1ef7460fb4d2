// GET /{projection}/{key}/events: the row now, and again after each change, as server-sent events.
import type { Handler } from 'hono'
import { ANY_POSITION, StaleRead } from '../../src/query/stale-read.ts'
import { type ProjectionSpec, projectionOf, tableOf } from '../../src/definitions/projection/projection.ts'
import type { RowFilter } from '../../src/ports/read-model/filter.ts'
import type { Services } from '../../src/runtime.ts'
import { token } from '../../src/ports/store/token.ts'
import { requestCallerOf } from '../context.ts'
import { isVisible, visibleRows } from '../rows/visible.ts'
import { isEncoded } from '../commands/ids.ts'
import { refuseStale } from '../http/min-position.ts'
import { problem } from '../http/problem.ts'
import { positionOf } from './follow-request.ts'
import { type Chunk, encodeFrame, type BatchSource, joinFrames, sse } from './sse.ts'

/**
 * Follows a row. Each event is `row` with the row, or `deleted` with its key. Its id is the position of the row's last
 * event. `parked` says at which position the row has stopped; the next `row` or `deleted` ends that.
 * Changes that come faster than the client reads become one event. After `Last-Event-ID`, the first event comes only if
 * the row has changed since.
 */
export function rowEvents(projection: ProjectionSpec): Handler {
  return async c => {
    const { services, isStopping } = c.get('emakiLive')
    if (isStopping) return problem(c, 'not-ready', { detail: 'stopping' }, { 'Retry-After': '1' })
    const key = c.req.param('key')!
    if (!isEncoded(c.req.raw.url) || key.includes('\0') || !key.isWellFormed()) return problem(c, 'row-not-found')
    const seen = await visibleRows(c, projection, key)
    if (seen instanceof Response) return seen
    const caller = await requestCallerOf(c)
    if (caller instanceof Response) return caller
    const { serving } = services.subscriptions.versionsOf(projection.name)
    if (!serving) return refuseStale(c, services, new StaleRead(projection.name, 'not-ready', 0, 0))
    await services.tail.start()
    const last = c.req.header('last-event-id')
    const after = last === undefined ? -1 : await positionOf(services.store, services.tail.head, last)
    if (after === 'unknown') return problem(c, 'unknown-position', { detail: `${last} is not of this log` })
    if (after === 'malformed')
      return problem(c, 'bad-header', { detail: 'Last-Event-ID takes a position, such as the id of an event' })
    return sse(c, rowSource(services, { projection, key, seen }, after), caller?.until ?? null)
  }
}

/** The row that a client follows, and which rows it sees. */
type FollowedKey = { readonly projection: ProjectionSpec; readonly key: string; readonly seen: RowFilter }
type FollowedRow = { readonly text: string | null; readonly at: number; readonly parked: number | null }

/** Reads the row as it is now. A row that has stopped before it ever was is none. */
async function readRow({ rowAnswers }: Services, { projection, key, seen }: FollowedKey): Promise<FollowedRow> {
  try {
    const { text, at, incomplete } = await rowAnswers.get(projection, key, ANY_POSITION)
    // A row that the client no longer sees is deleted for it.
    if (text !== null && !isVisible(seen, text)) return { text: null, at, parked: null }
    return { text, at, parked: incomplete?.parked ?? null }
  } catch (error) {
    if (!(error instanceof StaleRead && error.reason === 'parked')) throw error
    // Nobody knows whose it is.
    return { text: null, at: 0, parked: seen.length ? null : error.parked }
  }
}

/** What the client knows. `parked`: where it was told that the row has stopped; null: it was not. */
type Sent = { readonly at: number; readonly isThere: boolean; readonly parked: number | null }

function rowSource(services: Services, followed: FollowedKey, after: number): BatchSource {
  const { projection, key } = followed
  const log = services.store.identity
  let isDue = true
  let sent: Sent = { at: after, isThere: after >= 0, parked: null }
  let stop = () => {}

  async function read(): Promise<Chunk | null> {
    isDue = false
    const { parked, ...row } = await readRow(services, followed)
    const isThere = row.text !== null
    const hasChanged = isThere ? row.at > sent.at || !sent.isThere : sent.isThere
    const isDifferent = hasChanged || (parked === null && sent.parked !== null)
    const hasStopped = parked !== null && parked !== sent.parked
    if (!isDifferent && !hasStopped) return null
    // A deleted row has no position of its own.
    const at = Math.max(0, isThere ? row.at : sent.at)
    sent = { at, isThere, parked }
    const id = token(log, at)
    const frames = [
      ...(isDifferent ? [{ id, event: isThere ? 'row' : 'deleted', data: row.text ?? JSON.stringify({ key }) }] : []),
      ...(hasStopped ? [{ id, event: 'parked', data: JSON.stringify({ key, position: parked }) }] : []),
    ]
    return { bytes: joinFrames(frames.map(encodeFrame)), id }
  }

  return {
    kind: 'row',
    id: token(log, Math.max(0, after)),
    next: () => (isDue ? read() : null),
    open: wake => {
      const unlisten = services.rowChanges.listen(projectionOf(tableOf(projection)), key, () => {
        isDue = true
        wake()
      })
      const unfollow = services.subscriptions.follow(projection.name)
      stop = () => {
        unlisten()
        unfollow()
      }
    },
    close: () => stop(),
  }
}
