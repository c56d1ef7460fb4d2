// How new a client wants an answer: Min-Position, or ?min-position= where shared caches are in between, and how long it waits.
import type { Context } from 'hono'
import { ANY_POSITION, type MinPosition, READ_WAIT_MS, StaleRead } from '../../src/query/stale-read.ts'
import type { Incomplete } from '../../src/query/fill.ts'
import type { Services } from '../../src/runtime.ts'
import type { Store } from '../../src/ports/store/store.ts'
import { parseToken, type Token, token } from '../../src/ports/store/token.ts'
import { MIN_POSITION, type QueryValues, refuseParameter } from './parameters.ts'
import { problem } from './problem.ts'

/** The longest wait of a client, in ms. */
export const WAIT_MAX_MS = 30_000

/** The position that a request asks for, and the headers of its answer that say how long it waited. */
export type AskedPosition = { readonly min: MinPosition; readonly headers: Readonly<Record<string, string>> }

/** The position that a request asks for; the newer one, where it asks by header and by query. A Response refuses the request. */
export async function minPositionOf(c: Context, emaki: Services, asked: QueryValues): Promise<AskedPosition | Response> {
  const header = c.req.header(MIN_POSITION)
  const query = asked.get(MIN_POSITION) ?? []
  const tokens = (header === undefined ? query : [header, ...query]).map(parseToken)
  if (header !== undefined && !tokens[0])
    return problem(c, 'bad-header', { detail: 'Min-Position takes a position of the log, such as 812' })
  if (query.length > 1 || !tokens.every(one => one !== null))
    return refuseParameter(c, [MIN_POSITION], 'expected one position of the log, such as 812')
  for (const one of tokens)
    if (!(await isOfLog(emaki.store, emaki.tail.head, one)))
      return problem(c, 'unknown-position', { detail: `${token(one, one.position)} is no position of this log` })
  if (!tokens.length) return { min: ANY_POSITION, headers: {} }
  const seconds = waitOf(c.req.header('prefer'))
  return {
    min: {
      atLeast: Math.max(...tokens.map(({ position }) => position)),
      waitMs: seconds === null ? READ_WAIT_MS : seconds * 1_000,
    },
    headers: seconds === null ? {} : { 'Preference-Applied': `wait=${seconds}` },
  }
}

/** Whether a position is of this log. One of another epoch, or above the head, will never come: nobody waits for it. */
export async function isOfLog(store: Store, head: number, { epoch, position }: Token): Promise<boolean> {
  if (epoch !== store.identity.epoch) return false
  return position <= head || position <= (await store.head())
}

/** `Prefer: wait=5` (RFC 7240), in seconds, as long as we would; null: it does not say. */
function waitOf(prefer: string | undefined): number | null {
  const found = /(?:^|[,;])\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:$|[,;])/i.exec(prefer ?? '')
  return found ? Math.min(Number(found[1]), WAIT_MAX_MS / 1_000) : null
}

/** Refuses a read of rows that are older than the client asks for. Throws any other error on. */
export function refuseStale(c: Context, emaki: Services, error: unknown, headers: AskedPosition['headers'] = {}): Response {
  if (!(error instanceof StaleRead)) throw error
  const { projection, reason, position, parked, lagEvents } = error
  if (reason === 'parked') {
    const detail = 'an event that belongs into these rows could not be folded'
    return problem(
      c,
      'parked',
      { projection, position, detail },
      { ...headers, ...incompleteHeaders(emaki, { parked, frozen: null }), 'Retry-After': '10' },
    )
  }
  const detail = reason === 'behind' ? 'the rows have not come to the position you ask for' : 'the rows are still being made'
  const members = { projection, position, lagEvents, detail, retryable: true }
  return problem(c, 'behind', members, { ...headers, 'Retry-After': '1' })
}

/** `Event-Position`: a client sends it as `Min-Position`, so that the next answer includes this one. */
export function positionHeader({ store }: Services, position: number): { readonly 'Event-Position': string } {
  return { 'Event-Position': token(store.identity, position) }
}

/** The position that an answer includes, and what it may lack after that. */
export function positionHeaders(
  emaki: Services,
  { position, incomplete }: { readonly position: number; readonly incomplete?: Incomplete | null },
): Readonly<Record<string, string>> {
  return { ...positionHeader(emaki, position), ...incompleteHeaders(emaki, incomplete) }
}

/** `Row-Parked`: the position at which rows of the answer stopped. `Row-Frozen`: the position of rows that are not folded on. */
export function incompleteHeaders(
  { store }: Services,
  incomplete: Incomplete | null | undefined,
): Readonly<Record<string, string>> {
  const { parked = null, frozen = null } = incomplete ?? {}
  return {
    ...(parked !== null && { 'Row-Parked': token(store.identity, parked) }),
    ...(frozen !== null && { 'Row-Frozen': token(store.identity, frozen) }),
  }
}
