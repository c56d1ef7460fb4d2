// Rows and lists of rows, as JSON text.
import type { Incomplete } from './fill.ts'
import type { ProjectionSpec } from '../definitions/projection/projection.ts'
import { mergeIncomplete } from './read-from.ts'
import type { RowReader } from './row-reader.ts'
import { type ListRequest, rowText } from './rows.ts'
import type { Where } from './where.ts'
import type { MinPosition } from '../definitions/reads.ts'

/**
 * An answer as JSON text. It includes everything up to the position; `incomplete` says what it may lack after that, or
 * null.
 */
export type TextAnswer = { readonly text: string; readonly position: number; readonly incomplete: Incomplete | null }
/** A row; null if there is none. `at` is the position of the last event folded into it. */
export type RowAnswer = Omit<TextAnswer, 'text'> & { readonly text: string | null; readonly at: number; readonly table: string }
/** A list. `items` is its text without the position, because the position changes with every event of the log. */
export type ListAnswer = TextAnswer & { readonly items: string }

export class RowAnswers {
  readonly #reader: RowReader

  constructor(reader: RowReader) {
    this.#reader = reader
  }

  /** Gets one row. Rejects with StaleRead. */
  async get(projection: ProjectionSpec, key: string, min: MinPosition): Promise<RowAnswer> {
    const { found, position, table, incomplete } = await this.#reader.get(projection, key, min)
    const [text, at] = found ? [rowText(key, found.data), found.position] : [null, 0]
    return { text, position, incomplete, at, table: table.name }
  }

  /**
   * Gives one page of a list, as `{"items":[…],"next":…,"position":…}`. Rejects with StaleRead, or BadList.
   *
   * Nobody knows the present values of a parked row. So every list of its table, also a filtered one, leaves it out and
   * says that something is missing.
   */
  async list(
    projection: ProjectionSpec,
    where: Where,
    by: ListRequest & { readonly count?: boolean },
    min: MinPosition,
  ): Promise<ListAnswer> {
    const total = by.count ? await this.#reader.count(projection, where, min, by) : null
    const { rows, next, ...page } = await this.#reader.list(projection, where, by, min)
    const position = Math.min(page.position, total?.position ?? page.position)
    const incomplete = mergeIncomplete(page.incomplete, total?.incomplete ?? null)
    const parts = [
      `"items":[${rows.map(row => rowText(row.key, row.data)).join(',')}]`,
      `"next":${JSON.stringify(next)}`,
      ...(total ? [`"count":${total.found}`] : []),
      ...((incomplete?.parked ?? null) === null ? [] : ['"parked":true']),
      ...((incomplete?.frozen ?? null) === null ? [] : ['"frozen":true']),
    ]
    const items = `{${parts.join(',')}`
    return { items, text: `${items},"position":${position}}`, position, incomplete }
  }
}
