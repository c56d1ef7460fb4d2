// One direction of one proxied connection: bytes wait here for their time, for room at the other side, or for a fault to end.

import type { Socket } from 'bun'

export type Verdict = 'forward' | 'drop' | 'cut'

/** Looks at bytes as they arrive from a connection (numbered from 1), and says what becomes of them. */
export type Inspect = (bytes: Uint8Array, connection: number) => Verdict

/** The faults of one direction, shared by all its pipes and changed at any moment. */
export type Faults = {
  held: boolean
  delayMs: number
  inspect: Inspect | undefined
  /** How many bytes may still pass before the connection is cut. */
  bytesLeft: number
}

/** How the source ended: it sent FIN, or it is gone altogether. */
export type Ending = 'finished' | 'broken'

export type Pipe = {
  /** Sets where bytes come from, and where they go. */
  connect(sides: { source?: Socket; sink?: Socket }): void
  receive(bytes: Uint8Array): void
  /** Passes the ending on, after all bytes that came before it. */
  finish(ending: Ending): void
  /** Forgets everything, as the sink is gone. */
  discard(): void
  /** Moves what may move now. Called whenever a fault changes or the sink has room again. */
  pump(): void
}

/** The size at which the source is no longer read. The kernel may hold more. */
const queuedBytesMax = 4 * 1024 * 1024

export function createPipe(connection: number, faults: Faults, cut: () => void): Pipe {
  const queue: { bytes: Uint8Array; due: number }[] = []
  let queuedBytes = 0
  let source: Socket | undefined
  let sink: Socket | undefined
  let ending: Ending | undefined
  let isPaused = false
  let isOver = false
  let timer: Timer | undefined

  function enqueue(bytes: Uint8Array): void {
    queue.push({ bytes, due: performance.now() + faults.delayMs })
    queuedBytes += bytes.length
    pump()
  }

  function receive(bytes: Uint8Array): void {
    if (isOver) return
    const verdict = faults.inspect?.(bytes, connection) ?? 'forward'
    if (verdict === 'cut') cut()
    if (verdict === 'forward') enqueue(bytes)
  }

  function pump(): void {
    clearTimeout(timer)
    flow()
    if (faults.held || isOver || !sink) return
    if (drain(sink)) passEnding(sink)
    flow()
  }

  /** Writes what is due. Says whether nothing is left. */
  function drain(to: Socket): boolean {
    for (let head = queue[0]; head; head = queue[0]) {
      const waitMs = head.due - performance.now()
      if (waitMs > 0) {
        timer = setTimeout(pump, waitMs)
        return false
      }
      const written = write(to, head.bytes)
      if (isOver) return false
      head.bytes = head.bytes.subarray(written)
      if (head.bytes.length > 0) return false
      queue.shift()
    }
    return true
  }

  function write(to: Socket, bytes: Uint8Array): number {
    if (bytes.length === 0) return 0
    const written = Math.max(0, to.write(bytes.subarray(0, faults.bytesLeft)))
    queuedBytes -= written
    faults.bytesLeft -= written
    if (faults.bytesLeft === 0) {
      faults.bytesLeft = Number.POSITIVE_INFINITY
      cut()
    }
    return written
  }

  function passEnding(to: Socket): void {
    if (!ending) return
    isOver = ending === 'broken'
    if (ending === 'broken') to.terminate()
    else to.shutdown()
  }

  /** Reads from the source only while its bytes have somewhere to go, so that it feels what the sink feels. */
  function flow(): void {
    const pause = !isOver && (faults.held || queuedBytes > queuedBytesMax)
    if (pause === isPaused || !source) return
    isPaused = pause
    if (pause) source.pause()
    else source.resume()
  }

  function discard(): void {
    isOver = true
    queue.length = 0
    queuedBytes = 0
    pump()
  }

  return {
    connect: sides => {
      source = sides.source ?? source
      sink = sides.sink ?? sink
      pump()
    },
    receive,
    finish: how => {
      ending = how
      // An empty piece takes the ending through the same delay as the bytes before it.
      if (!isOver) enqueue(new Uint8Array(0))
    },
    discard,
    pump,
  }
}
