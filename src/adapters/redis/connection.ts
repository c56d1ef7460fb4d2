// One connection to Redis that costs nothing while Redis is unavailable. It is up or down. While it is down, it sends
// nothing for callers. It probes now and then, until Redis answers and has received the raises that it missed. No
// library's breaker fits: theirs let a caller's command test the server, and here the first commands after an outage
// have to be the missed raises.
import { backOff } from '../../lib/back-off.ts'
import type { Redis } from 'ioredis'
import { Episode } from '../../ports/report/episode.ts'
import type { Report } from '../../ports/report/notice.ts'
import type { ConnectionCounts } from './connection-counts.ts'
import type { Ioredis } from './packages.ts'
import { SCRIPTS, type ScriptName, type Scripts } from './scripts.ts'

export type RedisConnectionOptions = {
  readonly url: string
  /** The deadline of a command, in ms. */
  readonly deadlineMs: number
  /** Sends Redis the missed raises before the connection is up. If it rejects, the connection stays down. */
  readonly catchUp: () => Promise<void>
  readonly onUp: () => void
  readonly report: Report
  readonly scripts?: Scripts
}

export class RedisError extends Error {}

export class RedisConnection {
  readonly #redis: Redis
  readonly #options: RedisConnectionOptions
  readonly #scripts: Scripts
  readonly #counts = { sent: 0, knocks: 0, falls: 0 }
  readonly #away: Episode
  #run: string | null = null
  #isUp = false
  #isClosed = false
  #isProbing = false
  /** Failed commands of callers, in a row. */
  #failures = 0
  /** Failed probes, in a row. */
  #refusals = 0
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor({ Redis }: Ioredis, options: RedisConnectionOptions) {
    this.#options = options
    this.#scripts = options.scripts ?? SCRIPTS
    const mend = 'Answers are made without the shared cache meanwhile. Look at Redis and at REDIS_URL.'
    this.#away = new Episode({ report: options.report, what: 'Redis does not answer', mend, fields: { part: 'cache' } })
    this.#redis = new Redis(options.url, {
      protocol: 2,
      enableOfflineQueue: false,
      enableReadyCheck: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      disableClientInfo: true,
      commandTimeout: options.deadlineMs,
      connectTimeout: CONNECT_MS,
      retryStrategy: attempt => backOff(attempt, RETRY),
    })
    this.#redis.on('error', error => this.#away.fail(error))
    this.#redis.on('ready', () => void this.#probe())
    this.#redis.on('close', () => {
      this.#run = null
      this.#markDown()
    })
  }

  get isUp(): boolean {
    return this.#isUp
  }

  get counts(): ConnectionCounts {
    return this.#counts
  }

  /** Names one run of a Redis server. After a restart or a failover, earlier data may lack acknowledged raises. */
  get run(): string | null {
    return this.#run
  }

  /** Runs a script for a caller. Rejects at once while the connection is down. A few failures in a row take it down. */
  async call(name: ScriptName, keys: readonly string[], values: readonly string[]): Promise<unknown> {
    if (!this.#isUp) throw new RedisError('Redis is away.')
    const run = this.#run
    this.#counts.sent++
    try {
      const answer = await this.send(name, keys, values)
      this.#failures = 0
      return answer
    } catch (error) {
      if (this.#run === run && ++this.#failures >= FAILURES_MAX) this.goDown(error)
      throw error
    }
  }

  /** Runs a script whether the connection is up or not, on the current socket or not at all. */
  async send(name: ScriptName, keys: readonly string[], values: readonly string[]): Promise<unknown> {
    const script = this.#scripts[name]
    const run = this.#run
    try {
      return await this.#redis.evalsha(sha(script), keys.length, ...keys, ...values)
    } catch (error) {
      // On another server the script would have the wrong keys.
      if (run !== this.#run || !(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
      return await this.#redis.eval(script, keys.length, ...keys, ...values)
    }
  }

  /** Sends nothing for callers until a probe succeeds. */
  goDown(error: unknown): void {
    if (!this.#isUp) return
    this.#away.fail(error)
    this.#markDown()
    this.#probeLater()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#markDown()
    clearTimeout(this.#timer)
    this.#redis.disconnect()
  }

  #markDown(): void {
    if (this.#isUp) this.#counts.falls++
    this.#isUp = false
    this.#failures = 0
  }

  #probeLater(): void {
    clearTimeout(this.#timer)
    if (!this.#isClosed) this.#timer = setTimeout(() => void this.#probe(), backOff(this.#refusals, PROBE))
  }

  /** Probes the server. After a lost connection, it probes again once there is another. */
  async #probe(): Promise<void> {
    if (this.#isClosed || this.#isUp || this.#isProbing || this.#redis.status !== 'ready') return
    this.#isProbing = true
    clearTimeout(this.#timer)
    this.#counts.knocks++
    try {
      await this.#comeUp()
      this.#refusals = 0
      this.#away.succeed()
    } catch (error) {
      this.#away.fail(error)
      // A peer that vanished silently leaves a socket that looks open.
      if (++this.#refusals % REFUSALS_MAX === 0 && !this.#isClosed) this.#redis.disconnect(true)
      this.#probeLater()
    } finally {
      this.#isProbing = false
    }
    if (this.#isUp) this.#options.onUp()
  }

  async #comeUp(): Promise<void> {
    const found = /^run_id:(\S+)/m.exec(await this.#redis.info('server'))?.[1]
    if (!found) throw new RedisError('Redis does not tell its run_id.')
    this.#run = found
    // Unlike INFO, PING is refused while Redis still loads its data.
    await this.#redis.ping()
    await this.#options.catchUp()
    if (this.#run !== found || this.#isClosed) throw new RedisError('The connection to Redis was lost.')
    this.#isUp = true
  }
}

const shas = new Map<string, string>()

function sha(script: string): string {
  const known = shas.get(script) ?? new Bun.CryptoHasher('sha1').update(script).digest('hex')
  shas.set(script, known)
  return known
}

const FAILURES_MAX = 3
const REFUSALS_MAX = 3
const CONNECT_MS = 1_000
const RETRY = { firstMs: 20, maxMs: 2_000, random: Math.random }
const PROBE = { firstMs: 20, maxMs: 1_000, random: Math.random }
