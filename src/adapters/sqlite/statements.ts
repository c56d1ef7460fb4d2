import type { Database, SQLQueryBindings, Statement } from 'bun:sqlite'

/**
 * The most prepared statements. After it, all are prepared again. There are few different texts, unless clients use
 * very many different filters.
 */
const STATEMENTS_MAX = 200

/** Statements whose text depends on the call. Each text is prepared once. */
export class Statements {
  readonly #db: Database
  readonly #prepared = new Map<string, Statement<unknown, SQLQueryBindings[]>>()

  constructor(db: Database) {
    this.#db = db
  }

  /** The statement defines the shape of its rows. */
  get<R = unknown>(sql: string): Statement<R, SQLQueryBindings[]> {
    if (this.#prepared.size >= STATEMENTS_MAX && !this.#prepared.has(sql)) this[Symbol.dispose]()
    const statement = this.#prepared.get(sql) ?? this.#db.prepare<unknown, SQLQueryBindings[]>(sql)
    this.#prepared.set(sql, statement)
    return statement as Statement<R, SQLQueryBindings[]>
  }

  [Symbol.dispose](): void {
    for (const statement of this.#prepared.values()) statement.finalize()
    this.#prepared.clear()
  }
}
