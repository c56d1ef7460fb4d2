// Server-sent events, written by hand: bytes that many share go to each as they are, and nobody is given more than they take.
import type { Context } from 'hono'
import type { Live, Follower } from './live.ts'
import { liftTimeout } from './server.ts'

/** After how many ms a client that lost its connection comes back; when all are sent away, they come back spread over as many. */
const RETRY_MS = 2_000
/** How long it may be silent, in ms; where Bun's own timeout of 10 s cannot be lifted, less. */
const BEAT_MS = 15_000
const BEAT_SHORT_MS = 5_000
/** How long a client may take nothing of what it was sent, in ms. */
const STALLED_MS_MAX = 10_000
/** How many batches one client gets before others get their turn. */
const TURN_BATCHES_MAX = 4

/** Frames in one piece, null where nothing is for this client; and the id of them all: whoever comes back with it gets what follows. */
export type Chunk = { readonly bytes: Uint8Array | null; readonly id: string }

/** What a stream of events sends, one batch at a time. */
export type BatchSource = {
  /** Where it begins. */
  readonly id: string
  /** Somebody listens: calls `wake` when there may be more for another reason than that the log has grown. */
  readonly open?: (wake: () => void) => void
  /** What comes next; null: nothing yet, and it is asked again when it is woken. */
  readonly next: () => Chunk | null | Promise<Chunk | null>
  /** Nobody listens any more. */
  readonly close: () => void
}

const encoder = new TextEncoder()

/** One event in the format of server-sent events. No field may hold a line end. */
export function frame(fields: { readonly id: string; readonly event: string; readonly data: string }): Uint8Array {
  return encoder.encode(`id: ${fields.id}\nevent: ${fields.event}\ndata: ${fields.data}\n\n`)
}

/** Frames in one piece; one alone is not copied. */
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
 * Answers with a stream of events. A batch is written only when the one before it was taken, so that at most one is held for a client;
 * who takes nothing of it for 10 s is cut off. A heartbeat is an `id` without an event: it is remembered by the client and shown to
 * nobody. When the source throws, or the process stops, the stream ends, and the client comes back with the last id.
 */
export function sse(c: Context, source: BatchSource): Response {
  const live = c.get('live')
  const stream = new EventStream(live, source, liftTimeout(c) ? BEAT_MS : BEAT_SHORT_MS)
  const body = new ReadableStream({ type: 'direct', pull: controller => stream.open(controller), cancel: () => stream.end() })
  return c.body(body, 200, {
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-cache, no-transform',
    'X-Accel-Buffering': 'no',
  })
}

class EventStream implements Follower {
  readonly #live: Live
  readonly #source: BatchSource
  readonly #beatMs: number
  #controller: ReadableStreamDirectController | null = null
  #closing = Promise.withResolvers<void>()
  #leave = () => {}
  /** Something is being read, or has not been taken. */
  #busy = false
  /** Since when the client has not taken what it was sent. */
  #stalledAt: number | null = null
  /** Of all that was written, or looked through. */
  #id: string
  #wroteAt: number
  #hasEnded = false

  constructor(live: Live, source: BatchSource, beatMs: number) {
    this.#live = live
    this.#source = source
    this.#beatMs = beatMs
    this.#id = source.id
    this.#wroteAt = live.now()
  }

  /** Begins, and resolves when it ends. */
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
    for (let turn = 0; !this.#busy && !this.#hasEnded; turn++) {
      if (turn === TURN_BATCHES_MAX) return this.#later(new Promise(resolve => setImmediate(resolve, null)))
      try {
        const next = this.#source.next()
        if (next === null) return
        if (next instanceof Promise) return this.#later(next)
        this.#take(next)
      } catch (error) {
        return this.#fail(error)
      }
    }
  }

  readonly look = (now: number): void => {
    if (this.#stalledAt !== null && now - this.#stalledAt >= STALLED_MS_MAX) this.#cut()
    else if (this.#stalledAt === null && now - this.#wroteAt >= this.#beatMs) this.#write(encoder.encode(`id: ${this.#id}\n\n`))
  }

  readonly stop = (): void => {
    if (this.#stalledAt !== null) return this.#cut()
    this.#write(encoder.encode(`retry: ${Math.round(RETRY_MS * (0.5 + Math.random()))}\nid: ${this.#id}\n\n`))
    this.end()
  }

  /** Ends it. What was written is still sent. */
  readonly end = (): void => {
    if (this.#hasEnded) return
    this.#free()
    void this.#controller?.end()
    this.#closing.resolve()
  }

  #free(): void {
    this.#hasEnded = true
    this.#leave()
    this.#source.close()
  }

  #later(next: Promise<Chunk | null>): void {
    this.#busy = true
    next.then(
      chunk => {
        this.#busy = false
        if (chunk) this.#take(chunk)
        this.wake()
      },
      (error: unknown) => this.#fail(error),
    )
  }

  #take({ bytes, id }: Chunk): void {
    this.#id = id
    if (bytes) this.#write(bytes)
  }

  #write(bytes: Uint8Array): void {
    if (this.#hasEnded) return
    const written = this.#controller!.write(bytes)
    void this.#controller!.flush()
    this.#wroteAt = this.#live.now()
    if (!(written instanceof Promise)) return
    this.#busy = true
    this.#stalledAt = this.#wroteAt
    void written.then(() => {
      this.#busy = false
      this.#stalledAt = null
      this.wake()
    }, this.end)
  }

  #fail(error: unknown): void {
    this.#live.fail(error)
    this.end()
  }

  /** Drops the connection with what it was not taken of. Rejecting with nothing is how Bun does that without a word [ran]. */
  #cut(): void {
    this.#free()
    this.#closing.reject()
  }
}
