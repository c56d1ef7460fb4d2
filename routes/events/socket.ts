// Events over a WebSocket. The client names its filter and how many events it can take, and gets no more than that.
import type { Context } from 'hono'
import { z } from 'zod'
import { describeNames } from '../../src/definitions/nearest-name.ts'
import type { NoticeFields } from '../../src/ports/report/notice.ts'
import { token } from '../../src/ports/store/token.ts'
import { baseOf } from '../http/base-path.ts'
import { cutNesting } from '../http/nesting.ts'
import { type Extension, listErrors, problem, problemOf, type ProblemPlace, type Slug } from '../http/problem.ts'
import { cloudEvent } from '../../src/transfer/cloud-event.ts'
import { requestOf } from '../context.ts'
import type { Batch, Encoding, Feed } from './feed.ts'
import { type EventFilter, FILTER_VALUES_MAX } from '../../src/ports/store/event-filter.ts'
import { type FollowCheck, filterOf, hasRequest, POSITION_EXPECTED, positionOf, startOf } from './follow-request.ts'
import type { CutReason, Follower, Live } from './live.ts'
import { type Peer, type Session, upgrade } from './server.ts'

export const PROTOCOL = 'cloudevents.json'
/** How long the connection may be silent, and how long a client may read nothing of its messages, in ms. */
export const HEARTBEAT_MS = 15_000
export const STALLED_MS_MAX = 10_000
/** The most credit a client can have. */
export const CREDIT_MAX = 1_000_000
/** How many batches one client gets before others get their turn. */
const TURN_BATCHES_MAX = 4

/** Close codes: those of RFC 6455 and its registry, and from 4000 on our own. */
export const CLOSE_CODES = {
  unsupported: 1003,
  policy: 1008,
  restart: 1012,
  tryLater: 1013,
  unauthenticated: 4401,
  forbidden: 4403,
} as const

type CloseCode = (typeof CLOSE_CODES)[keyof typeof CLOSE_CODES]

/** Why a client is disconnected, by the code that it is closed with. */
const CUTS: Readonly<Record<CloseCode, CutReason>> = {
  [CLOSE_CODES.unsupported]: 'invalid',
  [CLOSE_CODES.policy]: 'invalid',
  [CLOSE_CODES.restart]: 'stopping',
  [CLOSE_CODES.tryLater]: 'failed',
  [CLOSE_CODES.unauthenticated]: 'expired',
  [CLOSE_CODES.forbidden]: 'refused',
}

const values = z.array(z.string()).max(FILTER_VALUES_MAX).default([])
const incoming = z.discriminatedUnion(
  'type',
  [
    strictly({
      type: z.literal('subscribe'),
      after: z.union([z.string(), z.int().nonnegative().transform(String)], POSITION_EXPECTED).optional(),
      filter: strictly({ categories: values, types: values, streams: values, correlations: values }).prefault({}),
      credit: z.int().min(0).max(CREDIT_MAX).default(0),
    }),
    strictly({ type: z.literal('credit'), n: z.int().positive().max(CREDIT_MAX) }),
  ],
  'expected a message whose type is subscribe or credit',
)
type Subscribe = Extract<z.output<typeof incoming>, { readonly type: 'subscribe' }>

type Message = { readonly position: number; readonly text: string }
type Subscription = {
  readonly feed: Feed<Message, readonly Message[]>
  readonly leave: () => void
  readonly check: FollowCheck
}

export type SocketOptions = {
  /** Pages of these origins may connect, besides the app's own. */
  readonly origins: readonly string[]
  /** Whether the client may follow what passes a filter. */
  readonly checkOf: (filter: EventFilter) => FollowCheck
  /** When the credentials of the client end, in ms since 1970. Null: they don't end. */
  readonly until: number | null
}

/** What a client follows from the beginning, and behind which position. */
type Beginning = { readonly filter: EventFilter; readonly after: number }

/**
 * Upgrades a request for events to a WebSocket, or refuses it before the upgrade. Where the request says what it
 * follows, the client has subscribed to that, without credit.
 */
export async function eventSocket(c: Context, options: SocketOptions): Promise<Response> {
  const live = c.get('emakiLive')
  if (live.isStopping) return problem(c, 'not-ready', { detail: 'stopping' }, { 'Retry-After': '1' })
  if (!isAllowedOrigin(c, options.origins))
    return problem(c, 'forbidden', { detail: 'pages of this Origin may not follow events' })
  const offered = c.req
    .header('sec-websocket-protocol')
    ?.split(',')
    .map(one => one.trim())
  if (offered && !offered.includes(PROTOCOL))
    return problem(c, 'bad-header', { detail: `Sec-WebSocket-Protocol takes ${PROTOCOL}` })
  const beginning = hasRequest(c) ? await beginningOf(c) : null
  if (beginning instanceof Response) return beginning
  const upgraded = upgrade(c, new EventSocket(live, c, options, beginning), offered ? PROTOCOL : null)
  return (
    upgraded ?? problem(c, 'bad-header', { detail: 'Upgrade: this server has no WebSockets; give app.websocket to Bun.serve' })
  )
}

async function beginningOf(c: Context): Promise<Beginning | Response> {
  const filter = filterOf(c)
  if (filter instanceof Response) return filter
  await c.get('emakiLive').services.tail.start()
  const after = await startOf(c)
  return after instanceof Response ? after : { filter, after }
}

/**
 * Whether the request comes from an allowed page, or from no page at all. Browsers let any page open a WebSocket with
 * the user's cookies.
 */
function isAllowedOrigin(c: Context, origins: readonly string[]): boolean {
  const origin = c.req.header('origin')
  if (origin === undefined || origins.includes(origin)) return true
  return URL.canParse(origin) && new URL(origin).host === c.req.header('host')
}

class EventSocket implements Session, Follower {
  readonly kind = 'websocket'
  readonly #live: Live
  readonly #about: NoticeFields
  readonly #place: ProblemPlace
  readonly #checkOf: SocketOptions['checkOf']
  /** When the credentials of the client end, on the clock of `live`. */
  readonly #endsAt: number
  readonly #beginning: Beginning | null
  #peer: Peer | null = null
  #leave = () => {}
  #subscription: Subscription | null = null
  #isSubscribing = false
  #credit = 0
  /** The position up to which all events were sent, or did not pass the filter. */
  #position = 0
  /** The rest of the batch that is being sent. */
  #batch: Batch<readonly Message[]> | null = null
  /** The batch that the client may have. What is left of it for later is asked about again. */
  #passed: Batch<readonly Message[]> | null = null
  #isReading = false
  #stalledAt: number | null = null
  #wroteAt: number
  #hasEnded = false

  constructor(live: Live, c: Context, { checkOf, until }: SocketOptions, beginning: Beginning | null) {
    this.#live = live
    this.#about = requestOf(c)
    this.#place = { base: baseOf(c), instance: c.req.path }
    this.#checkOf = checkOf
    this.#endsAt = live.timeAt(until)
    this.#wroteAt = live.now()
    this.#beginning = beginning
  }

  readonly open = (peer: Peer): void => {
    this.#peer = peer
    this.#leave = this.#live.join(this)
    if (this.#live.isStopping) this.stop()
    else if (this.#beginning) this.#begin(this.#beginning, 0)
  }

  readonly message = (message: string | Uint8Array): void => {
    if (this.#hasEnded) return
    if (typeof message !== 'string') return this.#close(CLOSE_CODES.unsupported, 'messages are text')
    const json = jsonOf(message)
    if (json === undefined) return this.#closeByProblem('malformed-json', {}, CLOSE_CODES.policy)
    const parsed = incoming.safeParse(json)
    if (!parsed.success) {
      return this.#closeByProblem('validation-failed', listErrors(parsed.error.issues), CLOSE_CODES.policy)
    }
    if (parsed.data.type === 'credit') this.#addCredit(parsed.data.n)
    else if (this.#isSubscribing) this.#closeByProblem('validation-failed', { errors: ONE_AT_A_TIME }, CLOSE_CODES.policy)
    else void this.#subscribe(parsed.data)
  }

  readonly drain = (): void => {
    this.#stalledAt = null
    this.wake()
  }

  /** The connection is gone. */
  readonly close = (): void => this.#leaveFeed()

  readonly wake = (): void => {
    for (let turn = 0; this.#canSend(); turn++) {
      if (turn === TURN_BATCHES_MAX) return this.#awaitBatch(new Promise(resolve => setImmediate(resolve, null)))
      if (this.#batch) {
        if (this.#needsCheck(this.#batch)) return this.#checkBatch(this.#batch, this.#subscription!)
        this.#sendBatch(this.#batch)
        continue
      }
      const next = this.#subscription!.feed.next(this.#position)
      if (next === null) return
      if (next instanceof Promise) return this.#awaitBatch(next)
      this.#batch = next
    }
  }

  readonly check = (now: number): void => {
    if (now >= this.#endsAt) return this.#closeByProblem('unauthenticated', {}, CLOSE_CODES.unauthenticated)
    if (this.#stalledAt !== null && now - this.#stalledAt >= STALLED_MS_MAX)
      this.#close(CLOSE_CODES.tryLater, 'too slow', 'stalled')
    else if (this.#stalledAt === null && this.#subscription && now - this.#wroteAt >= HEARTBEAT_MS)
      this.#sendText(JSON.stringify({ type: 'position', id: this.#token() }))
  }

  readonly stop = (): void => this.#close(CLOSE_CODES.restart, 'restart')

  #canSend(): boolean {
    return this.#subscription !== null && this.#credit > 0 && !this.#isReading && this.#stalledAt === null && !this.#hasEnded
  }

  async #subscribe({ after, filter, credit }: Subscribe): Promise<void> {
    const { tail, store } = this.#live.services
    this.#isSubscribing = true
    try {
      const check = this.#checkOf(filter)
      if (check && !(await check())) return this.#closeByRule()
      await tail.start()
      const position = after === undefined ? tail.head : await positionOf(store, tail.head, after)
      if (this.#hasEnded) return
      if (position === 'malformed') return this.#closeByProblem('validation-failed', { errors: AFTER }, CLOSE_CODES.policy)
      if (position === 'unknown') return this.#closeByProblem('unknown-position', {}, CLOSE_CODES.policy)
      this.#begin({ filter, after: position }, credit)
    } catch (error) {
      return this.#closeByError(error)
    } finally {
      this.#isSubscribing = false
    }
    this.wake()
  }

  #begin({ filter, after }: Beginning, credit: number): void {
    this.#subscription?.leave()
    this.#subscription = { ...this.#live.takeFeed(filter, encodingOf(this.#live)), check: this.#checkOf(filter) }
    this.#position = after
    this.#batch = null
    this.#credit = credit
    this.#sendText(JSON.stringify({ type: 'position', id: this.#token() }))
  }

  #addCredit(credit: number): void {
    this.#credit = Math.min(this.#credit + credit, CREDIT_MAX)
    this.wake()
  }

  #needsCheck(batch: Batch<readonly Message[]>): boolean {
    return this.#subscription?.check !== null && batch.content !== null && batch !== this.#passed
  }

  /** Asks whether the client may still follow: what it follows may have been given to another one. */
  #checkBatch(batch: Batch<readonly Message[]>, subscription: Subscription): void {
    this.#isReading = true
    subscription.check!().then(
      passes => {
        this.#isReading = false
        if (!passes && subscription === this.#subscription) return this.#closeByRule()
        if (passes) this.#passed = batch
        this.wake()
      },
      (error: unknown) => this.#closeByError(error),
    )
  }

  #closeByRule(): void {
    this.#closeByProblem('forbidden', { detail: NOT_OPEN }, CLOSE_CODES.forbidden)
  }

  /** Sends as much of a batch as the client has credit for and can take. */
  #sendBatch({ content, to }: Batch<readonly Message[]>): void {
    const left = content ?? []
    let sent = 0
    this.#peer!.cork(() => {
      while (sent < left.length && this.#credit > 0 && this.#sendText(left[sent]!.text)) {
        this.#position = left[sent++]!.position
        this.#credit--
      }
    })
    const isDone = sent === left.length
    if (isDone) this.#position = to
    this.#batch = isDone ? null : { content: left.slice(sent), to }
  }

  /** Sends a message. False: it was not accepted. */
  #sendText(text: string): boolean {
    if (this.#hasEnded || this.#stalledAt !== null) return false
    const sent = this.#peer!.send(text)
    this.#wroteAt = this.#live.now()
    if (sent !== 'sent') this.#stalledAt = this.#wroteAt
    return sent !== 'dropped'
  }

  #awaitBatch(next: Promise<Batch<readonly Message[]> | null>): void {
    const subscription = this.#subscription
    this.#isReading = true
    next.then(
      batch => {
        this.#isReading = false
        // If another subscription has replaced this one, its batch is dropped.
        if (batch && subscription === this.#subscription) this.#batch = batch
        this.wake()
      },
      (error: unknown) => this.#closeByError(error),
    )
  }

  #token(): string {
    return token(this.#live.services.store.identity, this.#position)
  }

  #closeByProblem(slug: Slug, extension: Extension, code: CloseCode): void {
    this.#peer?.send(JSON.stringify({ type: 'error', problem: problemOf(slug, extension, this.#place) }))
    this.#close(code, slug)
  }

  #closeByError(error: unknown): void {
    if (this.#hasEnded) return
    this.#live.reportFailure(error, this.#about)
    this.#closeByProblem('unavailable', {}, CLOSE_CODES.tryLater)
  }

  #close(code: CloseCode, reason: string, cut: CutReason = CUTS[code]): void {
    if (this.#hasEnded) return
    this.#live.countCut(this, cut)
    this.#leaveFeed()
    this.#peer?.close(code, reason)
  }

  #leaveFeed(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#leave()
    this.#subscription?.leave()
    this.#subscription = null
    this.#batch = null
  }
}

const NOT_OPEN = 'this caller may follow only what publicStreams or a rule opens to it'
const AFTER = [{ pointer: '#/after', detail: POSITION_EXPECTED }]
const ONE_AT_A_TIME = [{ pointer: '#/type', detail: 'expected no second subscribe before the first is answered' }]

/** One encoding for each log: an event keeps its encoded form by the encoding. */
const encodings = new WeakMap<Live, Encoding<Message, readonly Message[]>>()

function encodingOf(live: Live): Encoding<Message, readonly Message[]> {
  const log = live.services.store.identity
  const made = encodings.get(live) ?? {
    encode: event => ({
      position: event.position,
      text: `{"type":"event","id":"${token(log, event.position)}","event":${cloudEvent(event, log)}}`,
    }),
    size: ({ text }) => text.length,
    join: messages => messages,
  }
  encodings.set(live, made)
  return made
}

/** The schema of an object that refuses a member which it does not know, because it would change nothing. */
function strictly<Shape extends z.ZodRawShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  return z.strictObject(shape, {
    error: ({ code, keys }) =>
      code === 'unrecognized_keys' ? `${keys[0]} is no member; ${describeNames(keys[0]!, Object.keys(shape))}` : undefined,
  })
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(cutNesting(text)) as unknown
  } catch {
    return undefined
  }
}
