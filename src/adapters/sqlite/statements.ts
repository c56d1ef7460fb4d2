import type { Database, SQLQueryBindings, Statement } from 'bun:sqlite'

/** Beyond so many, all are prepared anew: their texts are few, unless somebody filters by all that there is. */
const STATEMENTS_MAX = 200

/** Statements whose text depends on what is asked for, each prepared once. */
export class Statements {
  readonly #db: Database
  readonly #prepared = new Map<string, Statement<unknown, SQLQueryBindings[]>>()

  constructor(db: Database) {
    this.#db = db
  }

  /** The shape of the rows is that of the statement. */
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
