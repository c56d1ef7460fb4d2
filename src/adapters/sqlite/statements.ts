import type { Database, SQLQueryBindings, Statement } from 'bun:sqlite'

/**
 * The most prepared statements. Each projection has a few, and each combination of filters of a list has one. Beyond it
 * the one that was not used for the longest time goes.
 */
export const STATEMENTS_MAX = 1_000

/** Statements whose text depends on the call. Each text is prepared once. */
export class Statements {
  readonly #db: Database
  /** The one used last is last. */
  readonly #prepared = new Map<string, Statement<unknown, SQLQueryBindings[]>>()
  #unused: Disposable[] = []

  constructor(db: Database) {
    this.#db = db
  }

  /**
   * The statement defines the shape of its rows. It works until the event loop turns, however many others are prepared
   * meanwhile.
   */
  get<R = unknown>(sql: string): Statement<R, SQLQueryBindings[]> {
    const statement = this.#prepared.get(sql) ?? this.#db.prepare<unknown, SQLQueryBindings[]>(sql)
    this.#prepared.delete(sql)
    this.#prepared.set(sql, statement)
    if (this.#prepared.size > STATEMENTS_MAX) this.#dropOldest()
    return statement as Statement<R, SQLQueryBindings[]>
  }

  #dropOldest(): void {
    const [sql, statement] = this.#prepared.entries().next().value!
    this.#prepared.delete(sql)
    // A caller may still run it.
    if (this.#unused.push(statement) === 1) setImmediate(() => this.#finalizeUnused())
  }

  #finalizeUnused(): void {
    for (const statement of this.#unused.splice(0)) statement[Symbol.dispose]()
  }

  [Symbol.dispose](): void {
    this.#finalizeUnused()
    for (const statement of this.#prepared.values()) statement.finalize()
    this.#prepared.clear()
  }
}
