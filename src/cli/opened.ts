import { type Config, ConfigError, storeOf } from '../config.ts'
import type { Store } from '../ports/store/store.ts'
import { runningOf } from '../definitions/definition.ts'
import { OperationRefused, Operations } from '../subscription/operations.ts'
import { type Call, Misused } from './verb.ts'

/**
 * Opens the store of the app, or that of the configuration, and runs with it, even beside a server. `exclusive`:
 * refuses the file of a running server. `creates`: makes a log where there is none; other verbs refuse that.
 */
export async function withStore<T>(
  call: Pick<Call, 'store' | 'config'>,
  run: (store: Store) => Promise<T>,
  { exclusive = false, creates = false }: { readonly exclusive?: boolean; readonly creates?: boolean } = {},
): Promise<T> {
  if (!call.store && !creates) await refuseMissingLog(call.config)
  const store = call.store ?? (await storeOf(call.config, { exclusive }))
  await store.open()
  try {
    return await run(store)
  } finally {
    await store.close()
  }
}

/** Throws a ConfigError where the configuration names no log, as after a typing mistake: to open it would make one. */
async function refuseMissingLog(config: Config): Promise<void> {
  if (await hasLog(config)) return
  const { DATABASE_URL, DATABASE_SCHEMA, SQLITE_FILE } = config
  const found =
    DATABASE_URL === undefined
      ? `SQLITE_FILE: there is no log in the file ${SQLITE_FILE}`
      : `DATABASE_URL, DATABASE_SCHEMA: there is no log in the schema ${DATABASE_SCHEMA} of the database`
  throw new ConfigError(`${found}. Correct the configuration, or make the log: serve, migrate and import do.`)
}

async function hasLog({ DATABASE_URL, DATABASE_SCHEMA, SQLITE_FILE }: Config): Promise<boolean> {
  if (DATABASE_URL === undefined) return (await import('../adapters/sqlite/has-log.ts')).hasSqliteLog(SQLITE_FILE)
  return (await import('../adapters/postgres/has-log.ts')).hasPostgresLog(DATABASE_URL, DATABASE_SCHEMA)
}

/** Runs with the operations on the subscriptions of an app, and its store. One that is refused is a misuse. */
export function operate(call: Call, run: (operations: Operations, store: Store) => Promise<number>): Promise<number> {
  return withStore(call, async store => {
    try {
      return await run(new Operations(store, call.serve.map(runningOf)), store)
    } catch (error) {
      throw error instanceof OperationRefused ? new Misused(error.message) : error
    }
  })
}
