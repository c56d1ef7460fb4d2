// Server-sent events. Encoded bytes are shared between clients, and no client is sent more than it can take.
import type { Context } from 'hono'
import { AccessRefused } from '../../src/definitions/access/access.ts'
import type { NoticeFields } from '../../src/ports/report/notice.ts'
import { requestOf } from '../context.ts'
import type { CutReason, Follower, FollowerKind, Live } from './live.ts'
import { liftTimeout } from './server.ts'

/**
 * A client that lost its connection comes back after this time, in ms. When the process stops, clients come back at
 * different times: after half of it to one and a half of it.
 */
const RETRY_MS = 2_000
/** A heartbeat is sent after this time, in ms. It is shorter if Bun's own time-out of 10 s cannot be turned off. */
const HEARTBEAT_MS = 15_000
const HEARTBEAT_SHORT_MS = 5_000
/** How long a client may read nothing of its events before it is cut off, in ms. */
const STALLED_MS_MAX = 10_000
/** How many batches one client gets before others get their turn. */
const TURN_BATCHES_MAX = 4

/**
 * Encoded events; null: none of them is for this client. A client that comes back with `id` gets the events after them.
 */
export type Chunk = { readonly bytes: Uint8Array | null; readonly id: string }

/** Gives the content of a stream, one batch at a time. */
export type BatchSource = {
  readonly kind: Exclude<FollowerKind, 'websocket'>
  /** The id at which the stream begins. */
  readonly id: string
  /** A client listens. The source calls `wake` if it may have more although the log has not grown. */
  readonly open?: (wake: () => void) => void
  /** Gives the next batch; null: there is none yet. It is called again after the next wake-up. */
  readonly next: () => Chunk | null | Promise<Chunk | null>
  /** The client no longer listens. */
  readonly close: () => void
}

const encoder = new TextEncoder()

/** Encodes one server-sent event. No field may contain a line end. */
export function encodeFrame(fields: { readonly id: string; readonly event: string; readonly data: string }): Uint8Array {
  return encoder.encode(`id: ${fields.id}\nevent: ${fields.event}\ndata: ${fields.data}\n\n`)
}

/** Puts encoded events together. A single one is not copied. */
export function joinFrames(frames: readonly Uint8Array[]): Uint8Array {
  if (frames.length === 1) return frames[0]!
  const bytes = new Uint8Array(frames.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const one of frames) {
    bytes.set(one, at)
    at += one.length
  }
  return bytes
}

/**
 * Answers with a stream of events.
 *
 * A batch is written only after the client has taken the one before it, so at most one batch is held for a client. A
 * client that takes nothing for 10 s is cut off.
 * A heartbeat is an `id` without an event: the client remembers it and shows it to nobody.
 * The stream ends when the source throws, such as AccessRefused, the process stops, or the credentials of the client end
 * (`until`, in ms since 1970; null: never). The client then comes back with its last id, and is checked again.
 */
export function sse(c: Context, source: BatchSource, until: number | null = null): Response {
  const live = c.get('emakiLive')
  const heartbeatMs = liftTimeout(c) ? HEARTBEAT_MS : HEARTBEAT_SHORT_MS
  const stream = new EventStream(live, source, { about: requestOf(c), heartbeatMs, endsAt: live.timeAt(until) })
  const body = new ReadableStream({ type: 'direct', pull: controller => stream.open(controller), cancel: () => stream.end() })
  return c.body(body, 200, {
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-cache, no-transform',
    'X-Accel-Buffering': 'no',
  })
}

type StreamOptions = {
  readonly about: NoticeFields
  readonly heartbeatMs: number
  /** When the credentials of the client end, on the clock of `live`. */
  readonly endsAt: number
}

class EventStream implements Follower {
  readonly kind: BatchSource['kind']
  readonly #live: Live
  readonly #source: BatchSource
  readonly #about: NoticeFields
  readonly #heartbeatMs: number
  readonly #endsAt: number
  #controller: ReadableStreamDirectController | null = null
  #closing = Promise.withResolvers<void>()
  #leave = () => {}
  /** A batch is being read, or the client has not taken it yet. */
  #isBusy = false
  /** When the client was sent data that it has not taken yet; null: it has taken everything. */
  #stalledAt: number | null = null
  /** The id after all events that were written, or did not pass the filter. */
  #id: string
  #wroteAt: number
  #hasEnded = false

  constructor(live: Live, source: BatchSource, { about, heartbeatMs, endsAt }: StreamOptions) {
    this.kind = source.kind
    this.#live = live
    this.#source = source
    this.#about = about
    this.#heartbeatMs = heartbeatMs
    this.#endsAt = endsAt
    this.#id = source.id
    this.#wroteAt = live.now()
  }

  /** Begins the stream. Resolves when it ends. */
  open(controller: ReadableStreamDirectController): Promise<void> {
    if (this.#hasEnded) return Promise.resolve()
    this.#controller = controller
    this.#leave = this.#live.join(this)
    this.#write(encoder.encode(`retry: ${RETRY_MS}\nid: ${this.#id}\n\n`))
    this.#source.open?.(this.wake)
    if (this.#live.isStopping) this.stop()
    else this.wake()
    return this.#closing.promise
  }

  readonly wake = (): void => {
    for (let turn = 0; !this.#isBusy && !this.#hasEnded; turn++) {
      if (turn === TURN_BATCHES_MAX) return this.#awaitChunk(new Promise(resolve => setImmediate(resolve, null)))
      try {
        const next = this.#source.next()
        if (next === null) return
        if (next instanceof Promise) return this.#awaitChunk(next)
        this.#send(next)
      } catch (error) {
        return this.#endByError(error)
      }
    }
  }

  readonly check = (now: number): void => {
    if (now >= this.#endsAt) return this.#endNow('expired')
    if (this.#stalledAt !== null && now - this.#stalledAt >= STALLED_MS_MAX) this.#dropConnection('stalled')
    else if (this.#stalledAt === null && now - this.#wroteAt >= this.#heartbeatMs)
      this.#write(encoder.encode(`id: ${this.#id}\n\n`))
  }

  readonly stop = (): void => this.#endNow('stopping')

  #endNow(reason: CutReason): void {
    if (this.#stalledAt !== null) return this.#dropConnection(reason)
    this.#write(encoder.encode(`retry: ${Math.round(RETRY_MS * (0.5 + Math.random()))}\nid: ${this.#id}\n\n`))
    this.#noteCut(reason)
    this.end()
  }

  /** Ends the stream. Written data is still sent. */
  readonly end = (): void => {
    if (this.#hasEnded) return
    this.#leaveSource()
    void this.#controller?.end()
    this.#closing.resolve()
  }

  #noteCut(reason: CutReason): void {
    if (!this.#hasEnded) this.#live.countCut(this, reason)
  }

  #leaveSource(): void {
    this.#hasEnded = true
    this.#leave()
    this.#source.close()
  }

  #awaitChunk(next: Promise<Chunk | null>): void {
    this.#isBusy = true
    next.then(
      chunk => {
        this.#isBusy = false
        if (chunk) this.#send(chunk)
        this.wake()
      },
      (error: unknown) => this.#endByError(error),
    )
  }

  #send({ bytes, id }: Chunk): void {
    this.#id = id
    if (bytes) this.#write(bytes)
  }

  #write(bytes: Uint8Array): void {
    if (this.#hasEnded) return
    const written = this.#controller!.write(bytes)
    void this.#controller!.flush()
    this.#wroteAt = this.#live.now()
    if (!(written instanceof Promise)) return
    this.#isBusy = true
    this.#stalledAt = this.#wroteAt
    void written.then(() => {
      this.#isBusy = false
      this.#stalledAt = null
      this.wake()
    }, this.end)
  }

  #endByError(error: unknown): void {
    // The client comes back with its last id, and is told that it is refused.
    if (error instanceof AccessRefused) return this.#endNow('refused')
    this.#noteCut('failed')
    this.#live.reportFailure(error, this.#about)
    this.end()
  }

  /**
   * Drops the connection and the data that the client has not taken. Rejecting without an error makes Bun do so
   * silently [ran].
   */
  #dropConnection(reason: CutReason): void {
    this.#noteCut(reason)
    this.#leaveSource()
    this.#closing.reject()
  }
}
