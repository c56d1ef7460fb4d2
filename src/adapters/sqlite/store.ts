// A log in one file, on one writing connection: nothing is awaited between BEGIN IMMEDIATE and COMMIT.
import { checkOptions, type OptionKinds } from '../../definitions/options.ts'
import type { Agenda } from '../../ports/agenda/agenda.ts'
import { type Meter, unmetered } from '../../ports/metrics/meter.ts'
import type { Promises } from '../../ports/promises/promises.ts'
import type { ReadModel } from '../../ports/read-model/read-model.ts'
import type { Refusals } from '../../ports/refusals/refusals.ts'
import type { Samples } from '../../ports/samples/samples.ts'
import { Episode } from '../../ports/report/episode.ts'
import type { Report } from '../../ports/report/notice.ts'
import { StoreError } from '../../ports/store/errors.ts'
import type { StoredEvent } from '../../ports/store/event.ts'
import {
  type ImportOptions,
  type ImportProgress,
  importRecords,
  type Staging,
  type UnfinishedImport,
} from '../../ports/store/import.ts'
import type { Records } from '../../ports/store/import-record.ts'
import type { LoadRequest, NewSnapshot } from '../../ports/store/load.ts'
import type { Log, ReadAllOptions, ReadOptions, StreamHead, StreamPlace, StreamsOptions } from '../../ports/store/log.ts'
import { poll } from '../../ports/store/poll.ts'
import type { Store } from '../../ports/store/store.ts'
import { isWrite, type KeptKey, type Unit, type UnitOutcome } from '../../ports/store/unit.ts'
import type { LogIdentity, RestoreResult } from '../../ports/store/upkeep.ts'
import type { Waits } from '../../ports/store/waits.ts'
import type { Wake } from '../../ports/store/watch.ts'
import { nextTurn, SharedTurns } from '../../lib/turns.ts'
import { sqliteAgenda } from './agenda.ts'
import { isBusy, storeError } from './errors.ts'
import { observeFile } from './observe.ts'
import { type OpenFile, openFile } from './open.ts'
import { PageCommits } from './page-commits.ts'
import { sqlitePromises } from './promises.ts'
import { sqliteReadModel } from './read-model.ts'
import { sqliteRefusals } from './refusals.ts'
import { sqliteSamples } from './samples.ts'
import { END_KEYS_MAX } from './sent-keys.ts'
import { readSqliteWaits } from './waits.ts'

export type SqliteOptions = {
  /** Run migrations at `open`. Default: true. With false, a file that lacks a migration is refused. */
  readonly migrate?: boolean
  /**
   * Refuse a second serving process on the file. Default: true. The command line uses false, to open a file beside a
   * server.
   */
  readonly exclusive?: boolean
  /** How long to retry while another process is writing, in ms. Default: 5 000. */
  readonly busyMs?: number
  /** The clock, in ms since 1970. Default: the machine's. */
  readonly now?: () => number
}

const OPTIONS: OptionKinds<keyof SqliteOptions> = {
  migrate: 'boolean?',
  exclusive: 'boolean?',
  busyMs: 'number?',
  now: 'function?',
}
const BUSY_RETRY_MS = 2
/** The work of a call, in characters. */
const CALL_SIZE = 16_384

/**
 * Makes a log in one SQLite file: WAL, synchronous=FULL, both checked at start. An answered append survives `kill -9`
 * and power loss.
 * A missing folder is made. `:memory:` is refused: use `memory()`.
 */
export function sqlite(file: string, options: SqliteOptions = {}): Store {
  return new SqliteStore(file, options)
}

class SqliteStore implements Store {
  readonly system = 'sqlite'
  readonly #file: string
  readonly #options: Required<SqliteOptions>
  readonly #commits = new PageCommits({
    commitGroup: pages => this.#whenFree(() => this.#db.commitGroup(pages)),
    beginLong: page => this.#whenFree(() => this.#db.beginLong(page)),
    convertError: error => storeError(this.#file, error),
  })
  readonly readModel: ReadModel = sqliteReadModel(run => this.#call(() => run(this.#db.readModel)), this.#commits)
  readonly agenda: Agenda = sqliteAgenda(run => this.#call(() => run(this.#db.agenda)))
  readonly refusals: Refusals = sqliteRefusals(run => this.#call(() => run(this.#db.refusals)))
  readonly samples: Samples = sqliteSamples(run => this.#call(() => run(this.#db.samples)))
  readonly promises: Promises = sqlitePromises(run => this.#call(() => run(this.#db.promises)))
  readonly #turns = new SharedTurns()
  #opened: OpenFile | null = null
  #lockTime = unmetered.histogram('emaki.append.lock.time')
  readonly #watching = new Map<Wake, () => Promise<void>>()

  constructor(file: string, options: SqliteOptions) {
    if (file === ':memory:' || file === '') throw new TypeError('sqlite() wants a file; a log that forgets is memory()')
    checkOptions('sqlite', options, OPTIONS)
    this.#file = file
    this.#options = { migrate: true, exclusive: true, busyMs: 5_000, now: Date.now, ...options }
  }

  get identity(): LogIdentity {
    return this.#db.identity
  }

  get #db(): OpenFile {
    if (!this.#opened) throw new StoreError('unavailable', `${this.#file} is not open`)
    return this.#opened
  }

  measureWith(meter: Meter): void {
    this.#lockTime = meter.histogram('emaki.append.lock.time')
    observeFile(meter, this.#file, () => this.#opened !== null)
  }

  async open(): Promise<void> {
    this.#opened ??= await this.#tryUntilFree(() => openFile(this.#file, this.#options))
  }

  readWaits(): Promise<Waits> {
    return readSqliteWaits(this.#file)
  }

  async append(units: readonly Unit[], { signal }: { readonly signal?: AbortSignal } = {}): Promise<readonly UnitOutcome[]> {
    const since = performance.now()
    return this.#whenFree(() => {
      this.#db.place.refuseLost()
      const waitedMs = performance.now() - since
      const outcomes = this.#db.append(units)
      if (units.some(isWrite)) this.#lockTime.record(waitedMs / 1_000)
      return outcomes
    }, signal)
  }

  import(records: Records, options: ImportOptions): AsyncGenerator<ImportProgress> {
    return importRecords(() => this.#stage(), records, options)
  }

  async #stage(): Promise<Staging> {
    const staging = await this.#whenFree(() => this.#db.imports.stage())
    return {
      add: page => this.#call(() => staging.add(page)),
      head: () => this.#call(() => staging.head()),
      match: (after, until) => this.#call(() => staging.match(after, until)),
      begin: what => this.#call(() => staging.begin(what)),
      move: (name, at) => this.#call(() => staging.move(name, at)),
      close: () => this.#whenFree(() => staging.close()),
    }
  }

  async imports(): Promise<readonly UnfinishedImport[]> {
    return this.#whenFree(() => this.#db.imports.imports())
  }

  async endImport(name: string): Promise<boolean> {
    return this.#whenFree(() => this.#db.imports.endImport(name))
  }

  load(requests: readonly LoadRequest[], keys: readonly string[]): ReturnType<Log['load']> {
    return this.#whenFree(() => this.#db.load(requests, keys))
  }

  async read(stream: string, options: ReadOptions): Promise<readonly StoredEvent[]> {
    return this.#call(() => this.#db.read(stream, options))
  }

  async readAll(options: ReadAllOptions): Promise<readonly StoredEvent[]> {
    return this.#call(() => this.#db.readAll(options))
  }

  async streams(options: StreamsOptions): Promise<readonly StreamHead[]> {
    return this.#call(() => this.#db.streams(options))
  }

  async typesAt(places: readonly StreamPlace[]): Promise<readonly (string | null)[]> {
    return this.#call(() => this.#db.typesAt(places))
  }

  async head(): Promise<number> {
    return this.#whenFree(() => this.#db.head())
  }

  /**
   * Writes of another process, such as the command line, change the file's `data_version`; writes of this process do
   * not.
   */
  async watch(wake: Wake, report: Report = () => {}): Promise<() => Promise<void>> {
    let last = this.#db.dataVersion()
    const entry: Wake = head => wake(head)
    const what = `${this.#file} could not be watched`
    const failing = new Episode({
      report,
      what,
      mend: 'Appends of other processes are noticed later meanwhile.',
      fields: { part: 'log' },
    })
    const hasChanged = () => {
      const now = this.#opened?.dataVersion() ?? last
      if (now === last) return false
      last = now
      wake(null)
      return true
    }
    const end = poll(hasChanged, { failing })
    this.#watching.set(entry, end)
    return () => {
      this.#watching.delete(entry)
      return end()
    }
  }

  announce(head: number): void {
    for (const wake of this.#watching.keys()) wake(head)
  }

  async beginEpoch(): Promise<RestoreResult> {
    const result = await this.#whenFree(() => this.#db.beginEpoch())
    this.#opened = { ...this.#db, identity: { ...this.identity, epoch: result.epoch } }
    return result
  }

  async saveSnapshots(snapshots: readonly NewSnapshot[]): Promise<void> {
    await this.#whenFree(() => this.#db.saveSnapshots(snapshots))
  }

  async keys(options: { readonly after: string; readonly limit: number }): Promise<readonly KeptKey[]> {
    return this.#whenFree(() => this.#db.keys(options))
  }

  async forgetKeys(): Promise<number> {
    while ((await this.#whenFree(() => this.#db.endSentKeys())) >= END_KEYS_MAX);
    return this.#whenFree(() => this.#db.forgetKeys())
  }

  async ping(): Promise<void> {
    await this.#whenFree(() => this.#db.place.check())
    await this.#whenFree(() => this.#db.head())
  }

  async close(): Promise<void> {
    await Promise.all([...this.#watching.values()].map(end => end()))
    this.#watching.clear()
    this.#opened?.close()
    this.#opened = null
  }

  /** Runs a call, after a turn of the event loop if the calls of this one have held it for long. No call awaits the disk. */
  async #call<T>(run: () => T): Promise<T> {
    if (this.#turns.isOver(CALL_SIZE)) await nextTurn()
    return this.#whenFree(run)
  }

  /**
   * Runs a call. What it writes is confirmed only if the file is still in its place: elsewhere it would not be durable.
   */
  #whenFree<T>(run: () => T, signal?: AbortSignal): Promise<T> {
    return this.#tryUntilFree(() => {
      const { totalChanges, place } = this.#db
      const before = totalChanges()
      const result = run()
      if (totalChanges() !== before) place.confirmWrite()
      return result
    }, signal)
  }

  /**
   * Runs a call now. While another process is writing, tries again until the deadline, without blocking the event loop.
   * While a long page of this process is being written, waits for its end.
   */
  async #tryUntilFree<T>(run: () => T, signal?: AbortSignal): Promise<T> {
    const until = performance.now() + this.#options.busyMs
    for (;;) {
      try {
        return run()
      } catch (error) {
        if (!isBusy(error)) throw storeError(this.#file, error)
        const { long } = this.#commits
        if (long) {
          await long
          continue
        }
        if (performance.now() >= until || signal?.aborted)
          throw new StoreError('unavailable', `${this.#file} is being written by another process`, { cause: error })
      }
      await Bun.sleep(BUSY_RETRY_MS)
    }
  }
}
