// The position that an answer has to include, by Min-Position, or by ?min-position= if shared caches are in between;
// how long the client waits for it, and whether it refuses an answer without the parked rows.
import type { Context } from 'hono'
import type { MinPosition } from '../../src/definitions/reads.ts'
import { ANY_POSITION, READ_WAIT_MS, StaleRead } from '../../src/query/stale-read.ts'
import type { Incomplete } from '../../src/query/fill.ts'
import type { Services } from '../../src/runtime.ts'
import type { Store } from '../../src/ports/store/store.ts'
import { parseToken, type Token, token } from '../../src/ports/store/token.ts'
import { prefers } from './headers.ts'
import { MIN_POSITION, type QueryValues, refuseParameter } from './parameters.ts'
import { problem } from './problem.ts'

/** The longest time that a client may wait, in ms. */
export const WAIT_MAX_MS = 30_000

/** The position that an answer has to include, and the headers that tell which preferences were followed. */
export type AskedPosition = { readonly min: MinPosition; readonly headers: Readonly<Record<string, string>> }

/**
 * Reads the position that an answer has to include. If the header and the query both name one, the newer one counts. A
 * Response refuses the request.
 */
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
  const complete = prefers(c, 'complete')
  if (!tokens.length && !complete) return { min: ANY_POSITION, headers: {} }
  // A client without a position has nothing to wait for.
  const seconds = tokens.length ? waitOf(c.req.header('prefer') ?? '') : null
  return {
    min: {
      atLeast: Math.max(0, ...tokens.map(({ position }) => position)),
      waitMs: seconds === null ? READ_WAIT_MS : seconds * 1_000,
      complete,
    },
    headers: appliedHeaders(seconds, complete),
  }
}

function appliedHeaders(waitSeconds: number | null, complete: boolean): Readonly<Record<string, string>> {
  const applied = [...(waitSeconds === null ? [] : [`wait=${waitSeconds}`]), ...(complete ? ['complete'] : [])]
  return applied.length ? { 'Preference-Applied': applied.join(', ') } : {}
}

/**
 * Whether a position is of this log. A position of another epoch, or above the head, is never reached, so nobody waits
 * for it.
 */
export async function isOfLog(store: Store, head: number, { epoch, position }: Token): Promise<boolean> {
  if (epoch !== store.identity.epoch) return false
  return position <= head || position <= (await store.head())
}

/** `Prefer: wait=5` (RFC 7240), in seconds, at most those of WAIT_MAX_MS; null: there is no such preference. */
function waitOf(prefer: string): number | null {
  const found = /(?:^|[,;])\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:$|[,;])/i.exec(prefer)
  return found ? Math.min(Number(found[1]), WAIT_MAX_MS / 1_000) : null
}

/** Refuses a read of rows that are older than the client needs. Throws any other error again. */
export function refuseStale(c: Context, emaki: Services, error: unknown, headers: AskedPosition['headers'] = {}): Response {
  if (!(error instanceof StaleRead)) throw error
  const { projection, reason, position, parked, lagEvents } = error
  if (reason === 'parked') {
    const detail = 'an event of these rows could not be folded'
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

/** `Event-Position`. A client sends it as `Min-Position`, so that the next answer includes this one. */
export function positionHeader({ store }: Services, position: number): { readonly 'Event-Position': string } {
  return { 'Event-Position': token(store.identity, position) }
}

/** The position that an answer includes, and the events that it may lack after that. */
export function positionHeaders(
  emaki: Services,
  { position, incomplete }: { readonly position: number; readonly incomplete?: Incomplete | null },
): Readonly<Record<string, string>> {
  return { ...positionHeader(emaki, position), ...incompleteHeaders(emaki, incomplete) }
}

/**
 * `Row-Parked`: the lowest position at which a row stopped, or a row that a list leaves out. Another `Prefer` gets
 * another answer then. `Row-Frozen`: the position of rows that are no longer updated.
 */
export function incompleteHeaders(
  { store }: Services,
  incomplete: Incomplete | null | undefined,
): Readonly<Record<string, string>> {
  const { parked = null, frozen = null } = incomplete ?? {}
  return {
    ...(parked !== null && { 'Row-Parked': token(store.identity, parked), Vary: 'Prefer' }),
    ...(frozen !== null && { 'Row-Frozen': token(store.identity, frozen) }),
  }
}
