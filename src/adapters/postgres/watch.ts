// Notices appends of other processes. It listens, and trusts the connection only while its own heartbeats come back: a
// socket can be half open, and a pooler accepts a LISTEN and passes nothing on. Without heartbeats it polls the head.
import { patience } from '../../lib/patience.ts'
import { sleep } from '../../lib/sleep.ts'
import { Episode } from '../../ports/report/episode.ts'
import type { Report } from '../../ports/report/notice.ts'
import { poll } from '../../ports/store/poll.ts'
import type { Wake } from '../../ports/store/watch.ts'
import type { Announcer } from './announcer.ts'
import { connect } from './pool.ts'

/** How often it sends a heartbeat to itself, and how long a heartbeat may take, in ms. */
const HEARTBEAT_EVERY_MS = 500
const HEARTBEAT_TIMEOUT_MS = 500
/** The first and the longest wait before it listens again, in ms. */
const AGAIN_MS = 100
const AGAIN_MS_MAX = 30_000
const DEAF = 'The head is polled meanwhile, so they are noticed up to 50 ms later. Behind a pooler, set DATABASE_DIRECT_URL.'

export type WatchOptions = {
  /** The URL for LISTEN. */
  readonly url: string
  readonly channel: string
  readonly head: () => Promise<number>
  readonly announcer: Announcer
  readonly wake: Wake
  readonly report: Report
  /** Called when it begins to hear by LISTEN, and when it no longer does. */
  readonly onListening?: (listens: boolean) => void
}

/** Calls `wake` with the head of the log, until it is ended. Never throws. */
export function watch({ url, channel, head, announcer, wake, report, onListening }: WatchOptions): () => Promise<void> {
  const ending = new AbortController()
  const deaf = new Episode({
    report,
    what: 'Appends of other processes are not heard by LISTEN',
    mend: DEAF,
    fields: { part: 'log' },
  })
  const polling = pollHead(head, wake, report)
  const listening = listenAgain()

  async function listenAgain(): Promise<void> {
    for (let wait = AGAIN_MS; !ending.signal.aborted; wait = Math.min(wait * 2, AGAIN_MS_MAX)) {
      if (await listenUntilLost()) wait = AGAIN_MS
      onListening?.(false)
      polling.begin()
      await sleep(wait, ending.signal)
    }
  }

  /** Listens until heartbeats no longer come back. Gives whether one ever came back. */
  async function listenUntilLost(): Promise<boolean> {
    using listener = openListener(url, channel, wake)
    let heartbeats = 0
    try {
      await within(patience.connectMs, listener.listens, ending.signal)
      for (; !ending.signal.aborted; heartbeats++) {
        const heartbeat = `beat ${Bun.randomUUIDv7()}`
        await within(
          HEARTBEAT_TIMEOUT_MS,
          Promise.all([listener.awaitNotification(heartbeat), announcer.notify(heartbeat)]),
          ending.signal,
        )
        deaf.succeed()
        if (heartbeats === 0) {
          onListening?.(true)
          void polling.end()
        }
        // Finds events whose announcement was lost, or came while nothing got through.
        await within(HEARTBEAT_TIMEOUT_MS, head().then(wake), ending.signal)
        await Promise.race([sleep(HEARTBEAT_EVERY_MS, ending.signal), listener.lost])
      }
    } catch (error) {
      // After any error the head is polled from now on.
      if (!ending.signal.aborted) deaf.fail(error)
    }
    return heartbeats > 0
  }

  return async () => {
    ending.abort()
    await listening
    await polling.end()
  }
}

/** A poll of the head that can begin and end many times. It begins at once. */
function pollHead(
  head: () => Promise<number>,
  wake: Wake,
  report: Report,
): { readonly begin: () => void; readonly end: () => Promise<void> } {
  const mend = 'Appends of other processes are noticed later meanwhile.'
  const failing = new Episode({ report, what: 'The head of the log could not be polled', mend, fields: { part: 'log' } })
  let last = 0
  let end: (() => Promise<void>) | null = null
  const begin = () => {
    end ??= poll(
      async () => {
        const found = await head()
        wake(found)
        const hasGrown = found > last
        last = found
        return hasGrown
      },
      { failing },
    )
  }
  begin()
  return {
    begin,
    end: async () => {
      const ending = end
      end = null
      await ending?.()
    },
  }
}

type Listener = Disposable & {
  /** Resolves when the server has accepted the LISTEN. */
  readonly listens: Promise<void>
  /** Rejects when the connection is lost. */
  readonly lost: Promise<never>
  /** Resolves when this payload arrives. Only the payload of the last call is awaited. */
  readonly awaitNotification: (payload: string) => Promise<void>
}

/** Opens one connection that only listens. It is not reopened when it is lost: its user opens another. */
function openListener(url: string, channel: string, wake: Wake): Listener {
  const lost = Promise.withResolvers<never>()
  lost.promise.catch(() => {})
  let waiting: { readonly payload: string; readonly resolve: () => void } | null = null
  const onnotify = (_: string, payload: string) => {
    if (/^\d+$/.test(payload)) wake(Number(payload))
    else if (payload === waiting?.payload) waiting.resolve()
  }
  const onLost = () => lost.reject(new Error('the connection was lost'))
  const sql = connect(url, { max: 1, prepare: false, session: {}, role: 'listener' }, { onLost, onnotify })
  // The name is that of our own schema: letters, digits and _.
  const listens = sql
    .unsafe(`set idle_session_timeout = 0; listen "${channel}"`)
    .simple()
    .then(() => {})
  listens.catch(lost.reject)
  return {
    listens,
    lost: lost.promise,
    awaitNotification: payload => {
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting = { payload, resolve }
      return promise
    },
    [Symbol.dispose]: () => {
      void sql.end({ timeout: 0 }).catch(() => {})
    },
  }
}

/** Throws if the promise takes longer, or if the signal is aborted. */
function within<T>(ms: number, promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const late = async (): Promise<never> => {
    await sleep(ms, over.signal)
    throw new Error(`nothing within ${ms} ms`)
  }
  const over = new AbortController()
  const end = () => over.abort()
  if (signal.aborted) end()
  signal.addEventListener('abort', end)
  return Promise.race([promise, late()]).finally(() => {
    signal.removeEventListener('abort', end)
    end()
  })
}
