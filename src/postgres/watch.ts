// How a process notices what others append: it listens, and believes what it hears only while it also hears itself. A socket can be
// half open, and a pooler takes a LISTEN and passes nothing on: then, and until it hears itself again, it asks.
import createClient, { type Sql } from 'postgres'
import { poll, slept } from '../store/poll.ts'
import type { Wake } from '../store/watch.ts'
import type { Announcer } from './announcer.ts'

/** How often it says something to itself, and how long that may take to be heard, in ms. */
const BEAT_EVERY_MS = 500
const BEAT_TIMEOUT_MS = 500
/** How long it waits before it listens anew, at first and at most, in ms. */
const AGAIN_MS = 100
const AGAIN_MS_MAX = 30_000
const CONNECT_TIMEOUT_MS = 3_000

export type WatchOptions = {
  /** Where to listen. */
  readonly url: string
  readonly channel: string
  readonly head: () => Promise<number>
  readonly announcer: Announcer
  readonly wake: Wake
}

/** Calls `wake` with how far the log has come, until it is ended. Never throws. */
export function watch({ url, channel, head, announcer, wake }: WatchOptions): () => Promise<void> {
  const ending = new AbortController()
  const asks = asking(head, wake)
  const listening = listen()

  async function listen(): Promise<void> {
    for (let wait = AGAIN_MS; !ending.signal.aborted; wait = Math.min(wait * 2, AGAIN_MS_MAX)) {
      if (await heard()) wait = AGAIN_MS
      asks.begin()
      await slept(wait, ending.signal)
    }
  }

  /** Listens until it is deaf; tells whether it ever heard itself. */
  async function heard(): Promise<boolean> {
    using ear = listener(url, channel, wake)
    let beats = 0
    try {
      await within(CONNECT_TIMEOUT_MS, ear.listens, ending.signal)
      for (; !ending.signal.aborted; beats++) {
        const beat = `beat ${Bun.randomUUIDv7()}`
        await within(BEAT_TIMEOUT_MS, Promise.all([ear.hears(beat), announcer.say(beat)]), ending.signal)
        if (beats === 0) void asks.end()
        // What was announced while it was deaf, or was lost on its way, is found here.
        await within(BEAT_TIMEOUT_MS, head().then(wake), ending.signal)
        await Promise.race([slept(BEAT_EVERY_MS, ending.signal), ear.lost])
      }
    } catch {
      // Whatever it was, it asks from now on.
    }
    return beats > 0
  }

  return async () => {
    ending.abort()
    await listening
    await asks.end()
  }
}

/** A poll that can be begun and ended again and again. It begins at once. */
function asking(head: () => Promise<number>, wake: Wake): { readonly begin: () => void; readonly end: () => Promise<void> } {
  let last = 0
  let end: (() => Promise<void>) | null = null
  const begin = () => {
    end ??= poll(async () => {
      const found = await head()
      wake(found)
      const hasGrown = found > last
      last = found
      return hasGrown
    })
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

type Ear = Disposable & {
  /** Resolves when the server has taken the LISTEN. */
  readonly listens: Promise<void>
  /** Rejects when the connection is lost. */
  readonly lost: Promise<never>
  /** Resolves when the word is heard. Only the last word that was asked for is waited for. */
  readonly hears: (word: string) => Promise<void>
}

/** One connection that listens, and nothing else. A lost one is not opened again: whoever has it makes another. */
function listener(url: string, channel: string, wake: Wake): Ear {
  const lost = Promise.withResolvers<never>()
  lost.promise.catch(() => {})
  let waiting: { readonly word: string; readonly resolve: () => void } | null = null
  const onnotify = (_: string, word: string) => {
    if (/^\d+$/.test(word)) wake(Number(word))
    else if (word === waiting?.word) waiting.resolve()
  }
  const options = {
    max: 1,
    idle_timeout: 0,
    max_lifetime: null,
    prepare: false,
    fetch_types: false,
    backoff: false as const,
    connect_timeout: CONNECT_TIMEOUT_MS / 1_000,
    onnotice: () => {},
    onclose: () => lost.reject(new Error('the connection was lost')),
    // An option of every client that only `sql.listen` is documented to use; that one would connect again behind our back.
    onnotify,
  }
  const sql = createClient(url, options) as unknown as Sql
  // The name is that of our own schema, which is letters, digits and _.
  const listens = sql.unsafe(`listen "${channel}"`).then(() => {})
  listens.catch(lost.reject)
  return {
    listens,
    lost: lost.promise,
    hears: word => {
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting = { word, resolve }
      return promise
    },
    [Symbol.dispose]: () => {
      void sql.end({ timeout: 0 }).catch(() => {})
    },
  }
}

/** Throws where it takes longer, or is no longer wanted. */
function within<T>(ms: number, promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const late = async (): Promise<never> => {
    await slept(ms, over.signal)
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
