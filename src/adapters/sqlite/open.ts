// Opens a file: claims it, makes it durable, migrates it, and prepares its statements.
import { Database } from 'bun:sqlite'
import { PAUSED_OWNER } from '../../ports/read-model/leases.ts'
import { closeSync, existsSync, mkdirSync, openSync, realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import { StoreError } from '../../ports/store/errors.ts'
import type { Log } from '../../ports/store/log.ts'
import type { NewPage } from '../../ports/read-model/progress.ts'
import type { LogIdentity } from '../../ports/store/upkeep.ts'
import { type SyncAgenda, syncAgenda } from './agenda.ts'
import { syncAppend } from './append.ts'
import { isBusy } from './errors.ts'
import { type SqliteImports, syncImports } from './import.ts'
import { syncLoad } from './load.ts'
import { migrate, upToDate } from './migrate.ts'
import { beginLongPage, type LongPage } from './long-page.ts'
import { pageWriter } from './page.ts'
import { groupCommit, type PageOutcome } from './page-group.ts'
import { FilePlace, refuseSharedFile } from './place.ts'
import { prepareLog } from './prepared.ts'
import { type SyncReadModel, syncReadModel } from './read-model.ts'
import { syncReads } from './read.ts'
import { type SyncRefusals, syncRefusals } from './refusals.ts'
import { type SyncPromises, syncPromises } from './promises.ts'
import { type SyncSamples, syncSamples } from './samples.ts'
import { Statements } from './statements.ts'
import type { Sync } from './sync.ts'
import { type SyncUpkeep, syncUpkeep } from './upkeep.ts'

export type OpenFileOptions = { readonly migrate: boolean; readonly exclusive: boolean; readonly now: () => number }

/** An open file. Each call is synchronous, and throws if another process is writing. */
export type OpenFile = Sync<Log> &
  SyncUpkeep & {
    readonly identity: LogIdentity
    readonly place: FilePlace
    /** How many rows this connection has changed so far. */
    readonly totalChanges: () => number
    readonly imports: SqliteImports
    readonly readModel: SyncReadModel
    readonly commitGroup: (pages: readonly NewPage[]) => readonly PageOutcome[]
    readonly beginLong: (page: NewPage) => LongPage
    readonly agenda: SyncAgenda
    readonly refusals: SyncRefusals
    readonly samples: SyncSamples
    readonly promises: SyncPromises
    /** Changes when another process writes, and not when this one does. */
    readonly dataVersion: () => number
    readonly close: () => void
  }

export function openFile(file: string, { exclusive, now, ...options }: OpenFileOptions): OpenFile {
  mkdirSync(dirname(file), { recursive: true })
  // A link that leads nowhere yet makes its file here, so that the lock is beside the file and not beside the link.
  if (!existsSync(file)) closeSync(openSync(file, 'a'))
  const real = realpathSync(file)
  refuseSharedFile(file, real)
  using opening = new DisposableStack()
  if (exclusive) opening.use(claim(file, real))
  const db = opening.use(new Database(real, { create: true, strict: true }))
  makeDurable(db)
  if (options.migrate) migrate(db)
  else upToDate(db, file)
  // The process that served this file has ended, because the file is ours alone. So nobody has to wait for its leases
  // to end.
  if (exclusive) db.run('update leases set until = 0 where owner is not ?', [PAUSED_OWNER])
  const identity = identify(db)
  const prepared = prepareLog(db)
  for (const statement of Object.values(prepared)) opening.use(statement)
  const texts = opening.use(new Statements(db))
  const agenda = syncAgenda(db, texts, now)
  const readModel = syncReadModel(db, texts, now)
  const tables = readModel.prepared
  const place = new FilePlace(file, real)
  const resources = opening.move()
  return {
    identity,
    place,
    totalChanges: () => prepared.totalChanges.get()!.many,
    append: syncAppend(db, prepared, texts, now),
    load: syncLoad(db, prepared, now),
    ...syncReads(prepared, texts),
    ...syncUpkeep(db, prepared, texts, now),
    imports: syncImports(db, texts, now),
    readModel,
    commitGroup: groupCommit(db, pageWriter({ db, statements: texts, now, agenda, tables })),
    beginLong: page => {
      // Its connection is another one, which would open whatever is there now.
      place.check()
      return beginLongPage({ file: real, now, tables }, page)
    },
    agenda,
    refusals: syncRefusals(db, texts),
    samples: syncSamples(db, texts),
    promises: syncPromises(texts),
    dataVersion: () => prepared.dataVersion.get()!.data_version,
    close: () => resources.dispose(),
  }
}

/**
 * Holds a lock beside the file for as long as this process serves it. The system frees the lock when the process dies.
 */
function claim(file: string, real: string): Database {
  const lock = new Database(`${real}-serving`, { create: true })
  try {
    lock.run('pragma busy_timeout = 0')
    lock.run('pragma locking_mode = exclusive')
    lock.run('begin exclusive')
    return lock
  } catch (error) {
    lock.close()
    if (!isBusy(error)) throw error
    throw new StoreError('refused', `${file} is already served by another process; stop it first, or use PostgreSQL for several`)
  }
}

function makeDurable(db: Database): void {
  db.run('pragma busy_timeout = 0')
  db.run('pragma journal_mode = wal')
  db.run('pragma synchronous = full')
  const mode = db.query<{ journal_mode: string }, []>('pragma journal_mode').get()?.journal_mode
  const synchronous = db.query<{ synchronous: number }, []>('pragma synchronous').get()?.synchronous
  if (mode !== 'wal' || synchronous !== 2)
    throw new StoreError(
      'refused',
      `the file cannot be made durable: journal_mode ${mode}, synchronous ${synchronous}; WAL needs a local file system`,
    )
}

function identify(db: Database): LogIdentity {
  db.query('insert or ignore into log (one, id, epoch) values (1, ?, 1)').run(Bun.randomUUIDv7())
  return db.query<LogIdentity, []>('select id, epoch from log').get()!
}
