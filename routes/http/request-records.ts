// One record for a request: each that failed or was slow, and some of the others.
import type { Context } from 'hono'
import type { Caller } from '../../src/definitions/access/caller.ts'
import { checkOptions } from '../../src/definitions/options.ts'
import type { Level } from '../../src/ports/report/record.ts'
import { isWanted, Notice, type Report } from '../../src/ports/report/notice.ts'
import { requestOf } from '../context.ts'

export type RequestRecordOptions = {
  /** Of how many requests that went well one is recorded. 1: all of them. Default: 100. */
  readonly oneIn?: number
  /** From how many ms on a request was slow. Default: 1 000. */
  readonly slowMs?: number
}

/** The most requests of a second that are recorded because they failed or were slow. The others are counted. */
export const RECORDS_PER_SECOND_MAX = 50
/** Probes and scrapers ask so often that nothing else would be seen. */
const PROBES = /\/(?:health|ready|startup|metrics)$/

/** A request whose answer is ready. `endedAt`: on a clock of elapsed time, in ms. */
export type EndedRequest = {
  readonly route: string
  readonly status: number
  readonly durationMs: number
  readonly endedAt: number
}

/** Records requests. What fails for many at once is recorded up to a bound, and then counted. */
export class RequestRecords {
  readonly #report: Report
  readonly #oneIn: number
  readonly #slowMs: number
  #wellCount = 0
  #second = 0
  #recorded = 0
  #leftOut = 0
  #takesAll: boolean | null = null

  /** Throws a TypeError for options that are none. */
  constructor(report: Report, options: RequestRecordOptions = {}) {
    checkOptions('requestRecords', options, { oneIn: 'number?', slowMs: 'number?' })
    const { oneIn = 100, slowMs = 1_000 } = options
    if (!(Number.isSafeInteger(oneIn) && oneIn > 0))
      throw new TypeError(`requestRecords: expected a whole oneIn from 1 on, found ${oneIn}`)
    this.#report = report
    this.#oneIn = oneIn
    this.#slowMs = slowMs
  }

  /** Takes a request whose answer is ready. */
  take(c: Context, ended: EndedRequest): void {
    const { status, durationMs, endedAt, route } = ended
    const isFailed = status >= 500
    if (isFailed || durationMs >= this.#slowMs) {
      if (!PROBES.test(route) && this.#hasRoom(endedAt)) this.#record(c, ended, isFailed ? 'warn' : 'info')
    } else if (!PROBES.test(route)) this.#takeWell(c, ended)
  }

  #takeWell(c: Context, ended: EndedRequest): void {
    this.#takesAll ??= isWanted(this.#report, 'debug', 'request')
    const isChosen = this.#wellCount++ % this.#oneIn === 0
    if (isChosen || this.#takesAll) this.#record(c, ended, isChosen ? 'info' : 'debug')
  }

  /** Whether the second of a request has room for one more. Tells how many of an earlier second had none. */
  #hasRoom(endedAt: number): boolean {
    const second = Math.floor(endedAt / 1_000)
    if (second !== this.#second) this.#beginSecond(second)
    if (this.#recorded < RECORDS_PER_SECOND_MAX) return ++this.#recorded > 0
    this.#leftOut++
    return false
  }

  #beginSecond(second: number): void {
    if (this.#leftOut > 0) this.#report(leftOutNotice(this.#leftOut))
    this.#second = second
    this.#recorded = 0
    this.#leftOut = 0
  }

  #record(c: Context, { route, status, durationMs }: EndedRequest, level: Level): void {
    if (!isWanted(this.#report, level, 'request')) return
    const ms = Math.round(durationMs * 10) / 10
    const fields = { ...requestOf(c), route, status, durationMs: ms, actor: actorOf(c) }
    const message = `${c.req.method} ${c.req.path} answered ${status} in ${ms} ms.`
    this.#report(new Notice({ level, code: 'request', message, fields }))
  }
}

/** The actor of a request, if it was asked for. */
function actorOf(c: Context): string | undefined {
  const caller: Caller | Response | Promise<unknown> | null | undefined = Bun.peek(c.get('emakiCaller'))
  return caller && 'id' in caller ? caller.id : undefined
}

function leftOutNotice(requests: number): Notice {
  const message = `${requests} more requests failed or were slow within a second, and are not recorded one by one.`
  return new Notice({ level: 'warn', code: 'requests-left-out', message, fields: { requests } })
}
