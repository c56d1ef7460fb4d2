// GET /logs: the last records of this process, as JSON lines, or as server-sent events that go on.
import type { Context, Handler, MiddlewareHandler } from 'hono'
import { type Level, LEVELS } from '../src/ports/report/record.ts'
import type { RecordFilter, RecordRing, RingRecord } from '../src/ports/report/ring.ts'
import { type BatchSource, encodeFrame, joinFrames, sse } from './events/sse.ts'
import { refuseParameter, withParameters } from './http/parameters.ts'
import { problem } from './http/problem.ts'
import type { AppOptions } from './app-options.ts'
import type { Lifecycle } from './lifecycle.ts'

/** The most records that one client gets at once. */
const BATCH_RECORDS_MAX = 100
const PARAMETERS = ['level', 'code', 'correlation']

/** Lets handlers of `/logs` know what runs. They also answer while the store is away. */
export function provideRunning(
  { running }: Lifecycle,
  { parameters = [], origins = [] }: Pick<AppOptions, 'parameters' | 'origins'>,
): MiddlewareHandler {
  return (c, next) => {
    const { live } = running()
    if (live) c.set('emakiLive', live)
    c.set('emakiParameters', parameters)
    c.set('emakiOrigins', origins)
    return next()
  }
}

/** Answers with the records that the ring has. A client that accepts server-sent events also gets those to come. */
export function serveLogs(ring: RecordRing): Handler {
  return withParameters(PARAMETERS, c => {
    const filter = filterOf(c)
    if (filter instanceof Response) return filter
    if (c.req.header('accept')?.includes('text/event-stream')) return followRecords(c, ring, filter)
    const lines = ring.after(0, filter).map(({ json }) => `${json}\n`)
    return c.body(lines.join(''), 200, { 'Content-Type': 'application/jsonl', 'Cache-Control': 'no-store', Vary: 'Accept' })
  })
}

function filterOf(c: Context): RecordFilter | Response {
  const { level = 'debug', code = '', correlation = null } = c.req.query() as Readonly<Record<string, string | undefined>>
  if (!isLevel(level)) return refuseParameter(c, ['level'], `expected one of ${LEVELS.join(', ')}`)
  return { least: level, codes: code.split(',').filter(name => name !== ''), correlation }
}

function isLevel(text: string): text is Level {
  return LEVELS.some(level => level === text)
}

function followRecords(c: Context, ring: RecordRing, filter: RecordFilter): Response {
  const live = c.get('emakiLive') as Context['var']['emakiLive'] | undefined
  if (!live || live.isStopping) return problem(c, 'not-ready', { detail: live ? 'stopping' : 'starting' }, { 'Retry-After': '1' })
  return sse(c, recordSource(ring, filter, startOf(c, ring)))
}

/** The number after which a client goes on. An id of another process, and none, begin with the oldest record. */
function startOf(c: Context, ring: RecordRing): number {
  const [id, nth] = (c.req.header('last-event-id') ?? '').split('.')
  return id === ring.id && /^\d{1,15}$/.test(nth ?? '') ? Number(nth) : 0
}

function recordSource(ring: RecordRing, filter: RecordFilter, start: number): BatchSource {
  const idOf = (nth: number) => `${ring.id}.${nth}`
  const encode = ({ nth, json }: RingRecord) => encodeFrame({ id: idOf(nth), event: 'record', data: json })
  let at = start
  let leave = () => {}
  return {
    kind: 'logs',
    id: idOf(start),
    open: wake => {
      // A record of the stream itself must not find it in the middle of a write.
      leave = ring.listen(() => setImmediate(wake))
    },
    next: () => {
      if (at >= ring.last) return null
      const found = ring.after(at, filter)
      const batch = found.slice(0, BATCH_RECORDS_MAX)
      at = found.length > batch.length ? batch.at(-1)!.nth : ring.last
      return { bytes: batch.length ? joinFrames(batch.map(encode)) : null, id: idOf(at) }
    },
    close: () => leave(),
  }
}
