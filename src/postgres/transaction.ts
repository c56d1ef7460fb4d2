// A transaction that outlives its connection. Once that is lost, postgres.js says `rollback` over it, and whatever else is asked of the
// transaction, to a socket that is no more: an error that nobody can catch, and the end of the process [ran]. So nothing is said any more.
import type { Sql, TransactionSql } from 'postgres'

/**
 * Runs statements in a transaction. Rejects where the connection is lost, whatever `run` makes of that (`run` may then be left waiting),
 * and where its end is not answered within so many ms.
 */
export async function transaction<T>(sql: Sql, endMs: number, run: (tx: TransactionSql) => Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  let timer: Timer | undefined
  let isGone = false
  const gone = () => {
    isGone = true
  }
  const begun = sql.begin(async tx => {
    const result = await settled(run(guarded(tx, () => isGone, gone)))
    timer = setTimeout(() => late.reject(lost()), endMs)
    // What begin is told by its connection, it gives to us. To return or to throw would be to say something.
    if (isGone) return new Promise<never>(() => {})
    if ('error' in result) throw result.error
    return result.value
  })
  begun.catch(gone)
  try {
    // A promise in it is awaited in it, which postgres.js's type does not know.
    return await Promise.race([begun as Promise<T>, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

async function settled<T>(run: Promise<T>): Promise<{ readonly value: T } | { readonly error: unknown }> {
  try {
    return { value: await run }
  } catch (error) {
    return { error }
  }
}

/** The same, which throws where the connection is lost, and notices it before anybody else does. */
function guarded(tx: TransactionSql, isGone: () => boolean, gone: () => void): TransactionSql {
  const notice = (error: unknown) => {
    if (isEnd(error)) gone()
  }
  /** A statement is begun by whoever awaits it, and a fragment of one never: so it is listened to only where it is awaited. */
  const heard = <Q>(query: Q): Q => {
    if (!(query instanceof Promise)) return query
    const then = query.then.bind(query)
    const listening: typeof then = (fulfilled, rejected) => {
      if (isGone()) return Promise.reject(lost()).then(fulfilled, rejected)
      return then(fulfilled, error => {
        notice(error)
        if (rejected) return rejected(error)
        throw error
      })
    }
    // biome-ignore lint/suspicious/noThenProperty: it is a promise, and this its own way to be awaited.
    return Object.assign(query, { then: listening })
  }
  const call = (of: (...args: unknown[]) => unknown, self: unknown, args: unknown[]): unknown => {
    if (isGone()) throw lost()
    return heard(Reflect.apply(of, self, args))
  }
  return new Proxy(tx, {
    apply: (target, self, args: unknown[]) => call(target as never, self, args),
    get: (target, name) => {
      const value = Reflect.get(target, name, target) as unknown
      if (name === 'savepoint') return savepoint(target, inner => guarded(inner, isGone, gone))
      return typeof value === 'function' ? (...args: unknown[]) => call(value as never, target, args) : value
    },
  })
}

type Savepoint = (name: unknown, run?: unknown) => unknown

/** What runs within a savepoint is guarded as well. */
function savepoint(tx: TransactionSql, guard: (inner: TransactionSql) => TransactionSql): Savepoint {
  const within = (run: unknown) => (inner: TransactionSql) => (run as (inner: TransactionSql) => unknown)(guard(inner))
  return (name, run) => {
    const call = tx.savepoint as Savepoint
    return run === undefined ? call(within(name)) : call(name, within(run))
  }
}

/** Whether an error is the end of a connection: said by the server, by the system, or by postgres.js. */
function isEnd(error: unknown): boolean {
  const { severity = '', code = '' } = error as { severity?: string; code?: string }
  return /^(FATAL|PANIC)$/.test(severity) || /^(CONNECTION_|E[A-Z]+$)/.test(code)
}

function lost(): Error {
  return Object.assign(new Error('the connection of this transaction was lost'), { code: 'CONNECTION_CLOSED' })
}
