// How new an answer has to be: Min-Position, or ?min-position= where shared caches are in between, and how long the client waits.
import type { Context } from 'hono'
import { Behind, type Fresh, WHATEVER } from '../src/answer/answers.ts'
import type { Lacking } from '../src/cache/fill.ts'
import type { Runtime } from '../src/runtime.ts'
import type { Store } from '../src/store/store.ts'
import { parseToken, type Token, token } from '../src/store/token.ts'
import { type Asked, MIN_POSITION, refused } from './parameters.ts'
import { problem } from './problem.ts'

/** How long an answer is waited for where the client does not say, in ms. */
export const WAIT_MS = 1_000
/** How long a client may wait at most, in ms. */
export const WAIT_MAX_MS = 30_000

/** What a request asks for, and the headers that tell what became of it. */
export type Freshness = { readonly fresh: Fresh; readonly headers: Readonly<Record<string, string>> }

/** What the request asks for: the newer of both, where it asks in both ways. A Response says why it is refused. */
export async function freshOf(c: Context, emaki: Runtime, asked: Asked): Promise<Freshness | Response> {
  const header = c.req.header(MIN_POSITION)
  const query = asked.get(MIN_POSITION) ?? []
  const tokens = (header === undefined ? query : [header, ...query]).map(parseToken)
  if (header !== undefined && !tokens[0])
    return problem(c, 'bad-header', { detail: 'Min-Position takes a position of the log, such as 812' })
  if (query.length > 1 || !tokens.every(one => one !== null))
    return refused(c, [MIN_POSITION], 'expected one position of the log, such as 812')
  for (const one of tokens)
    if (!(await isOfLog(emaki.store, emaki.tail.head, one)))
      return problem(c, 'unknown-position', { detail: `${token(one, one.position)} is no position of this log` })
  if (!tokens.length) return { fresh: WHATEVER, headers: {} }
  const seconds = waitOf(c.req.header('prefer'))
  return {
    fresh: { atLeast: Math.max(...tokens.map(({ position }) => position)), waitMs: seconds === null ? WAIT_MS : seconds * 1_000 },
    headers: seconds === null ? {} : { 'Preference-Applied': `wait=${seconds}` },
  }
}

/** A position of another epoch, or above the head, will never come: it is not waited for. */
export async function isOfLog(store: Store, head: number, { epoch, position }: Token): Promise<boolean> {
  if (epoch !== store.identity.epoch) return false
  return position <= head || position <= (await store.head())
}

/** `Prefer: wait=5` (RFC 7240), in seconds, as long as we would; null: it does not say. */
function waitOf(prefer: string | undefined): number | null {
  const found = /(?:^|[,;])\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:$|[,;])/i.exec(prefer ?? '')
  return found ? Math.min(Number(found[1]), WAIT_MAX_MS / 1_000) : null
}

/** What a client is told of rows that are not as new as it asks for. Anything else is thrown on. */
export function unfresh(c: Context, emaki: Runtime, error: unknown, { headers }: Freshness): Response {
  if (!(error instanceof Behind)) throw error
  const { projection, reason, position, parked, lagEvents } = error
  if (reason === 'parked') {
    const detail = 'an event that this is made of could not be folded'
    const stopped = { parked, frozen: null }
    return problem(
      c,
      'parked',
      { projection, position, detail },
      { ...headers, ...lackingOf(emaki, stopped), 'Retry-After': '10' },
    )
  }
  const detail = reason === 'behind' ? 'it has not come as far as asked for' : 'its rows are still being made'
  const members = { projection, position, lagEvents, detail, retryable: true }
  return problem(c, 'behind', members, { ...headers, 'Retry-After': '1' })
}

/** `Event-Position`: what to ask the next answer to include. */
export function positioned({ store }: Runtime, position: number): { readonly 'Event-Position': string } {
  return { 'Event-Position': token(store.identity, position) }
}

/** What an answer includes, and what it may lack of what happened after that. */
export function includedIn(emaki: Runtime, { position, lacking }: Included): Readonly<Record<string, string>> {
  return { ...positioned(emaki, position), ...lackingOf(emaki, lacking) }
}
type Included = { readonly position: number; readonly lacking?: Lacking | null }

/** `Row-Parked`: where something has stopped that it is made of. `Row-Frozen`: where its rows are, which are not folded on. */
export function lackingOf({ store }: Runtime, lacking: Lacking | null | undefined): Readonly<Record<string, string>> {
  const { parked = null, frozen = null } = lacking ?? {}
  return {
    ...(parked !== null && { 'Row-Parked': token(store.identity, parked) }),
    ...(frozen !== null && { 'Row-Frozen': token(store.identity, frozen) }),
  }
}
