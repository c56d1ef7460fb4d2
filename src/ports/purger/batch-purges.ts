// Collects tags, purges them together, and tries again until it succeeds. A projection that changes a thousand rows a
// second must not wait for a CDN, and must not send more than the CDN's API takes.
//
// The promise: each added tag is purged after it was added, at least once, unless the process ends before. A response
// that our server was still writing may reach the CDN after the purge and be older. So each purge is sent again a
// little later. A slower response, and a purge that is lost with the process, end with their `max-age`.
import { checkOptions, type OptionKinds } from '../../definitions/options.ts'
import { backOff } from '../../lib/back-off.ts'
import { sleep as machineSleep } from '../../lib/sleep.ts'
import { Episode } from '../report/episode.ts'
import type { Report } from '../report/notice.ts'
import type { Purger } from './purger.ts'

export type BatchPurgesOptions = {
  /** How long tags are collected before they are purged, in ms. Default: 50. */
  readonly delayMs?: number
  /** A purge is sent again after this time, in ms; 0: never. Default: 1,000. */
  readonly againMs?: number
  /** The most tags that wait. Beyond it they are replaced by the tags of `wholeOf`. Default: 1,000. */
  readonly tagsMax?: number
  /**
   * Gives a tag that every answer with this tag also has, such as that of its projection. Default: everything is purged
   * instead.
   */
  readonly wholeOf?: (tag: string) => string
  /** Takes the reports of purges that fail. Default: nothing takes them. */
  readonly report?: Report
  /** Resolves after this time. It may resolve earlier, or reject, once the signal is aborted. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>
  /** A random number, at least 0 and below 1. Default: Math.random. */
  readonly random?: () => number
}

const OPTIONS: OptionKinds<keyof BatchPurgesOptions> = {
  delayMs: 'number?',
  againMs: 'number?',
  tagsMax: 'number?',
  wholeOf: 'function?',
  report: 'function?',
  sleep: 'function?',
  random: 'function?',
}

export interface PurgeQueue {
  /** Purges these tags soon. */
  add(tags: readonly string[]): void
  /** How many tags wait. */
  readonly waiting: number
  /** Resolves when all added tags have been purged, and purged again. */
  idle(): Promise<void>
  /** Purges the waiting tags at once, with a single further attempt. */
  close(): Promise<void>
}

export function batchPurges(purger: Purger, options: BatchPurgesOptions = {}): PurgeQueue {
  checkOptions('batchPurges', options, OPTIONS)
  const { delayMs = 50, againMs = 1_000, tagsMax = 1_000, wholeOf = () => EVERYTHING, report = () => {} } = options
  const { sleep = machineSleep, random = Math.random } = options
  /** How many purges are left for each tag. */
  const waiting = new Map<string, number>()
  const work = new Set<Promise<void>>()
  const closing = new AbortController()
  let isRunning = false
  const mend = 'Answers in the CDN are out of date until their max-age is over.'
  const failing = new Episode({ report, what: 'The CDN could not be purged', mend, fields: { part: 'cdn' } })

  const pause = (ms: number): Promise<void> => sleep(ms, closing.signal).catch(() => {})

  function put(tags: Iterable<readonly [string, number]>): void {
    for (const [tag, times] of tags) waiting.set(tag, Math.max(times, waiting.get(tag) ?? 0))
    if (waiting.size > tagsMax) coarsen(wholeOf)
    if (waiting.size > tagsMax) coarsen(() => EVERYTHING)
    if (isRunning || waiting.size === 0) return
    isRunning = true
    track(run())
  }

  function coarsen(coarser: (tag: string) => string): void {
    const times = Math.max(...waiting.values())
    const whole = new Set([...waiting.keys()].map(tag => (tag === EVERYTHING ? EVERYTHING : coarser(tag))))
    waiting.clear()
    for (const tag of whole) waiting.set(tag, times)
  }

  function track(one: Promise<void>): void {
    work.add(one)
    void one.finally(() => work.delete(one))
  }

  async function run(): Promise<void> {
    while (waiting.size > 0) {
      const { failures } = failing
      await pause(failures ? backOff(failures - 1, { firstMs: BACK_OFF_MIN_MS, maxMs: BACK_OFF_MAX_MS, random }) : delayMs)
      const batch = [...waiting]
      waiting.clear()
      try {
        await purge(batch.map(([tag]) => tag))
        failing.succeed()
        const again = batch.flatMap(([tag, times]) => (times > 1 ? [[tag, times - 1] as const] : []))
        if (again.length) track(pause(againMs).then(() => put(again)))
      } catch (error) {
        failing.fail(error)
        if (closing.signal.aborted) break
        put(batch)
      }
    }
    isRunning = false
  }

  const purge = (tags: readonly string[]) => (tags.includes(EVERYTHING) ? purger.purgeAll() : purger.purge(tags))

  const idle = async (): Promise<void> => {
    while (work.size) await Promise.all(work)
  }

  return {
    get waiting() {
      return waiting.size
    },
    add: tags => {
      if (!closing.signal.aborted) put(tags.map(tag => [tag, againMs > 0 ? 2 : 1]))
    },
    idle,
    close: async () => {
      closing.abort()
      await idle()
    },
  }
}

/** Stands for all answers. No tag of an answer is empty. */
const EVERYTHING = ''
const BACK_OFF_MIN_MS = 100
const BACK_OFF_MAX_MS = 30_000
