// GET /{projection}/{key}/events: the row now, and whenever it changes, as server-sent events.
import type { Handler } from 'hono'
import { Behind, WHATEVER } from '../../src/answer/answers.ts'
import { type ProjectionSpec, projectionOf, tableOf } from '../../src/projection/projection.ts'
import type { Runtime } from '../../src/runtime.ts'
import { token } from '../../src/store/token.ts'
import { unfresh } from '../fresh.ts'
import { isEncoded } from '../ids.ts'
import { problem } from '../problem.ts'
import { positionOf } from './events.ts'
import { type Chunk, frame, type Source, sse } from './sse.ts'

/**
 * Each event is `row` with the row, or `deleted` with its key; its id is the position of the row's last event. Changes that come faster
 * than they are taken are told as one. With `Last-Event-ID` the row is told at first only if it has changed since.
 */
export function rowEvents(projection: ProjectionSpec): Handler {
  return async c => {
    const { runtime, isStopping } = c.get('live')
    if (isStopping) return problem(c, 'not-ready', { detail: 'stopping' }, { 'Retry-After': '1' })
    const key = c.req.param('key')!
    if (!isEncoded(c.req.raw.url) || key.includes('\0') || !key.isWellFormed()) return problem(c, 'row-not-found')
    const { serving } = runtime.subscriptions.view(projection.name)
    if (!serving) return unfresh(c, runtime, new Behind(projection.name, 'not-ready', 0, 0), { fresh: WHATEVER, headers: {} })
    await runtime.tail.start()
    const last = c.req.header('last-event-id')
    const after = last === undefined ? -1 : await positionOf(runtime.store, runtime.tail.head, last)
    if (after === 'unknown') return problem(c, 'unknown-position', { detail: `${last} is not of this log` })
    if (after === 'malformed')
      return problem(c, 'bad-header', { detail: 'Last-Event-ID takes a position, as the id of an event has it' })
    return sse(c, rowSource(runtime, projection, key, after))
  }
}

function rowSource(runtime: Runtime, projection: ProjectionSpec, key: string, after: number): Source {
  const log = runtime.store.identity
  let isDue = true
  let told = { at: after, isThere: after >= 0 }
  let stop = () => {}

  async function read(): Promise<Chunk | null> {
    isDue = false
    const row = await runtime.answers.row(projection, key, WHATEVER)
    const isThere = row.text !== null
    if (isThere ? row.at <= told.at && told.isThere : !told.isThere) return null
    // Of a row that is gone nothing is left to say when it went; the client has to have heard of it once.
    const at = Math.max(0, isThere ? row.at : told.at)
    told = { at, isThere }
    const id = token(log, at)
    return { bytes: frame({ id, event: isThere ? 'row' : 'deleted', data: row.text ?? JSON.stringify({ key }) }), id }
  }

  return {
    id: token(log, Math.max(0, after)),
    next: () => (isDue ? read() : null),
    open: wake => {
      const unlisten = runtime.rowChanges.listen(projectionOf(tableOf(projection)), key, () => {
        isDue = true
        wake()
      })
      const unfollow = runtime.subscriptions.follow(projection.name)
      stop = () => {
        unlisten()
        unfollow()
      }
    },
    close: () => stop(),
  }
}
