import type { Sql } from 'postgres'

/** Holds what a statement locks, in a transaction of its own, until it is let go. */
export async function holdLock(sql: Sql, statement: string): Promise<() => Promise<void>> {
  const [locked, ending] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const holding = sql.begin(async tx => {
    await tx.unsafe(statement)
    locked.resolve()
    await ending.promise
  })
  await Promise.race([locked.promise, holding])
  return async () => {
    ending.resolve()
    await holding
  }
}
