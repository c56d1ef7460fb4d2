// Fields that a fold gives and the schema of its row does not have: they are not stored. Types refuse most of them, but
// not those that come by a cast or from JavaScript.
import { Notice, type Report } from '../../ports/report/notice.ts'

/** Looks for a lost field, and reports the first that it finds. */
export class LostFields {
  readonly #table: string
  readonly #report: Report
  #looks: boolean

  /** `looks`: whether to look at all. It costs as much as to read each row that is written. */
  constructor(table: string, report: Report, looks: boolean) {
    this.#table = table
    this.#report = report
    this.#looks = looks
  }

  /** Compares a row with the JSON text of what is stored of it. */
  compare(key: string, row: object | null, stored: string | null): void {
    if (!this.#looks || !row || stored === null) return
    const field = findLostField(row, JSON.parse(stored))
    if (field === null) return
    this.#looks = false
    const message = `A fold of ${this.#table} gave the row ${key} a field ${field}, which the schema of its rows does not have, so it is not stored. Add the field to the schema, or leave it out.`
    const fields = { subscription: this.#table, key, field }
    this.#report(new Notice({ level: 'warn', code: 'field-lost', message, fields }))
  }
}

/** The path of the first value that a row has and its stored form has not, as `lines.0.note`. Null: nothing is lost. */
export function findLostField(row: unknown, stored: unknown): string | null {
  if (typeof row !== 'object' || row === null || typeof stored !== 'object' || stored === null) return null
  for (const [name, value] of Object.entries(row)) {
    if (value === undefined) continue
    if (!Object.hasOwn(stored, name)) return name
    const below = findLostField(value, (stored as Readonly<Record<string, unknown>>)[name])
    if (below !== null) return `${name}.${below}`
  }
  return null
}
