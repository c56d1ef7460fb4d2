// A log in one PostgreSQL schema: opens and closes it, and hands each call to its part.
import { checkOptions, type OptionKinds } from '../../definitions/options.ts'
import { patience } from '../../lib/patience.ts'
import type { Agenda } from '../../ports/agenda/agenda.ts'
import { type Meter, unmetered } from '../../ports/metrics/meter.ts'
import type { Promises } from '../../ports/promises/promises.ts'
import type { ReadModel } from '../../ports/read-model/read-model.ts'
import type { Refusals } from '../../ports/refusals/refusals.ts'
import type { Samples } from '../../ports/samples/samples.ts'
import { StoreError } from '../../ports/store/errors.ts'
import type { ImportOptions, ImportProgress, UnfinishedImport } from '../../ports/store/import.ts'
import type { Records } from '../../ports/store/import-record.ts'
import type { NewSnapshot } from '../../ports/store/load.ts'
import type { Log } from '../../ports/store/log.ts'
import type { Report } from '../../ports/report/notice.ts'
import type { Store } from '../../ports/store/store.ts'
import type { KeptKey } from '../../ports/store/unit.ts'
import type { LogIdentity, RestoreResult } from '../../ports/store/upkeep.ts'
import type { FullPool, Waits } from '../../ports/store/waits.ts'
import type { Wake } from '../../ports/store/watch.ts'
import { PostgresAgenda } from './agenda.ts'
import { endImport, importRecords, listImports } from './import.ts'
import { PostgresLog } from './log.ts'
import { observePostgres } from './observe.ts'
import { closeLog, type OpenLog, openLog } from './open.ts'
import { refuseReadOnly } from './prove.ts'
import { findFullPools } from './pool-use.ts'
import { PostgresReadModel } from './read-model.ts'
import { PostgresRefusals } from './refusals.ts'
import { PostgresPromises } from './promises.ts'
import { PostgresSamples } from './samples.ts'
import { refuseMissingRights } from './rights.ts'
import { beginEpoch, forgetKeys, listKeys, saveSnapshots } from './upkeep.ts'
import { PostgresWaits } from './waits.ts'
import { watch } from './watch.ts'

export type PostgresOptions = {
  /** The schema of the log. Each log has a schema of its own. Default: `emaki`. */
  readonly schema?: string
  /** Run migrations at `open`. Default: true. With false, a schema that lacks a migration is refused. */
  readonly migrate?: boolean
  /** Whether a pooler in transaction mode is in between. Default: detected at `open`. */
  readonly pooler?: boolean
  /**
   * The URL for LISTEN, which no pooler supports. Default: the URL of the log. If LISTEN does not work, the store polls
   * the log.
   */
  readonly directUrl?: string
  /** The deadline of a statement, in ms. After it, its connections are dropped. Default: 4 000. */
  readonly deadlineMs?: number
  /** The longest wait of an append for the log's lock, in ms; less than the deadline. Default: 2 000. */
  readonly lockTimeoutMs?: number
  /** The connections for reads, besides the one for appends. Default: 4. */
  readonly readers?: number
}

const OPTIONS: OptionKinds<keyof PostgresOptions> = {
  schema: 'text?',
  migrate: 'boolean?',
  pooler: 'boolean?',
  directUrl: 'text?',
  deadlineMs: 'number?',
  lockTimeoutMs: 'number?',
  readers: 'number?',
}

/**
 * Makes a log in a PostgreSQL schema (15 or newer). `open` runs migrations, checks that the database's lock excludes
 * and that its commits are durable, and detects a pooler. It refuses a database that cannot keep the promises.
 */
export function postgres(url: string, options: PostgresOptions = {}): Store {
  return new PostgresStore(url, options)
}

class PostgresStore implements Store {
  readonly system = 'postgresql'
  readonly #url: string
  readonly #options: Required<Omit<PostgresOptions, 'pooler' | 'directUrl'>> & Pick<PostgresOptions, 'pooler' | 'directUrl'>
  readonly #watching = new Map<Wake, () => Promise<void>>()
  readonly #log: PostgresLog
  readonly readModel: ReadModel
  readonly agenda: Agenda
  readonly refusals: Refusals
  readonly samples: Samples
  readonly promises: Promises
  #meter: Meter = unmetered
  #opened: OpenLog | null = null
  /** By watcher: whether it hears by LISTEN now. */
  readonly #listening = new Map<Wake, boolean>()
  #waits: PostgresWaits | null = null

  constructor(url: string, options: PostgresOptions) {
    checkOptions('postgres', options, OPTIONS)
    this.#url = url
    this.#options = {
      schema: 'emaki',
      migrate: true,
      deadlineMs: patience.statementMs,
      lockTimeoutMs: patience.lockMs,
      readers: 4,
      ...options,
    }
    const { schema, deadlineMs, lockTimeoutMs } = this.#options
    if (!/^[a-z_][a-z0-9_]{0,47}$/.test(schema))
      throw new TypeError(`the schema ${JSON.stringify(schema)} is not letters, digits and _`)
    this.#log = new PostgresLog({ schema, lockTimeoutMs, pools: () => this.#pools })
    this.readModel = new PostgresReadModel({ schema, deadlineMs, pools: () => this.#pools })
    this.agenda = new PostgresAgenda({ schema, pool: () => this.#pools.reader })
    this.refusals = new PostgresRefusals({ schema, pool: () => this.#pools.reader })
    this.samples = new PostgresSamples({ schema, pool: () => this.#pools.reader })
    this.promises = new PostgresPromises({ schema, pool: () => this.#pools.reader })
  }

  get identity(): LogIdentity {
    const { id, epoch, home, here } = this.#pools.place
    // Without a home, nobody can tell whether it has moved.
    return { id, epoch, ...(home !== null && here !== null && home !== here && { restoredFrom: home }) }
  }

  get #pools(): OpenLog {
    if (!this.#opened) throw new StoreError('unavailable', 'the store is not open')
    return this.#opened
  }

  /** One log a schema, and one channel a log. */
  get #channel(): string {
    return `emaki_${this.#options.schema}`
  }

  measureWith(meter: Meter): void {
    this.#meter = meter
    this.#log.measureWith(meter)
    const { schema } = this.#options
    observePostgres(meter, { schema, opened: () => this.#opened, listening: () => [...this.#listening.values()] })
  }

  async open(): Promise<void> {
    this.#opened ??= await openLog(this.#url, { ...this.#options, channel: this.#channel, meter: this.#meter })
  }

  append: Log['append'] = async units => {
    const outcomes = await this.#log.append(units)
    this.#opened?.proof.noteAppended(outcomes)
    return outcomes
  }
  load: Log['load'] = (requests, keys) => this.#log.load(requests, keys)
  read: Log['read'] = (stream, options) => this.#log.read(stream, options)
  readAll: Log['readAll'] = options => this.#log.readAll(options)
  streams: Log['streams'] = options => this.#log.streams(options)
  typesAt: Log['typesAt'] = places => this.#log.typesAt(places)
  head: Log['head'] = () => this.#log.head()
  fullPools = (): readonly FullPool[] => findFullPools(this.#opened?.uses ?? [])
  isDeaf = (): boolean => [...this.#listening.values()].includes(false)
  readWaits(): Promise<Waits> {
    this.#waits ??= new PostgresWaits([...new Set([this.#options.directUrl ?? this.#url, this.#url])], this.#options.schema)
    return this.#waits.read()
  }
  takeTurn: Required<Store>['takeTurn'] = async stream => (await this.#opened?.turns?.take(stream)) ?? null

  async watch(wake: Wake, report: Report = () => {}): Promise<() => Promise<void>> {
    const { announcer } = this.#pools
    const entry: Wake = head => wake(head)
    const url = this.#options.directUrl ?? this.#url
    const onListening = (listens: boolean) => void this.#listening.set(entry, listens)
    onListening(false)
    const end = watch({ url, channel: this.#channel, head: () => this.head(), announcer, wake, report, onListening })
    this.#watching.set(entry, end)
    return () => {
      this.#watching.delete(entry)
      return end().finally(() => this.#listening.delete(entry))
    }
  }

  announce(head: number): void {
    for (const wake of this.#watching.keys()) wake(head)
    this.#opened?.announcer.announce(head)
  }

  import(records: Records, options: ImportOptions): AsyncGenerator<ImportProgress> {
    const { schema, lockTimeoutMs } = this.#options
    return importRecords({ url: this.#url, schema, lockTimeoutMs, writer: this.#pools.writer }, records, options)
  }

  imports(): Promise<readonly UnfinishedImport[]> {
    return listImports({ schema: this.#options.schema, writer: this.#pools.writer })
  }

  endImport(name: string): Promise<boolean> {
    return endImport({ url: this.#url, schema: this.#options.schema }, name)
  }

  async beginEpoch(): Promise<RestoreResult> {
    let result: RestoreResult | null = null
    await this.#pools.transactions.run(async tx => {
      result = await beginEpoch(tx, this.#options.schema)
      return true
    })
    // Set once the transaction has committed.
    const found = result! as RestoreResult
    const { place, proof } = this.#pools
    const begun = { ...place, epoch: found.epoch, home: place.here }
    proof.expect(begun)
    this.#opened = { ...this.#pools, place: begun }
    return found
  }

  async saveSnapshots(snapshots: readonly NewSnapshot[]): Promise<void> {
    await saveSnapshots(this.#pools.reader, this.#options.schema, snapshots)
  }

  keys(options: { readonly after: string; readonly limit: number }): Promise<readonly KeptKey[]> {
    return listKeys(this.#pools.reader, this.#options.schema, options)
  }

  async forgetKeys(): Promise<number> {
    return forgetKeys(this.#pools.reader, this.#options.schema)
  }

  async ping(): Promise<void> {
    await this.#pools.writer.run(async sql => {
      await refuseReadOnly(sql)
      await refuseMissingRights(sql, this.#options.schema)
    })
  }

  async close(): Promise<void> {
    const opened = this.#opened
    const watching = [...this.#watching.values()]
    this.#watching.clear()
    await Promise.all(watching.map(end => end()))
    this.#listening.clear()
    this.#opened = null
    const waits = this.#waits
    this.#waits = null
    await waits?.close()
    if (opened) await closeLog(opened)
  }
}
