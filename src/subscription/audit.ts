// Checks rows against the log: folds some keys again, separately, and compares them with the stored rows.
import { foldEvent, encodeRow, rowEvents } from '../definitions/projection/fold.ts'
import type { ProjectionSpec } from '../definitions/projection/projection.ts'
import type { Table } from '../ports/read-model/tables.ts'
import { logPages } from '../ports/store/pages.ts'
import type { StoredEvent } from '../ports/store/event.ts'
import type { Store } from '../ports/store/store.ts'
import { followsReader } from './predecessors.ts'

/** A row that differs from the fold of its events. Null: there is no row. */
export type RowDifference = { readonly key: string; readonly stored: string | null; readonly folded: string | null }
export type Audit = {
  /** How many keys were compared, and how many were left out because they are parked. */
  readonly keys: number
  readonly parked: number
  /** The position up to which the log was folded. */
  readonly position: number
  readonly differences: readonly RowDifference[]
}

/** How many keys are compared by default. */
export const AUDIT_KEYS = 10_000

export type SampledRow = { row: object | null; readonly hash: bigint; error: string | null }

/**
 * Folds the log anew for a sample of keys and compares the rows. Each row is compared at the checkpoint at which it is
 * read, so the projection may run meanwhile. Throws DamagedStream if an event is missing. The sample has the keys with
 * the smallest hashes (a bottom-k sample: Cohen and Kaplan, PODC 2007), the same each time.
 */
export async function audit(
  store: Store,
  projection: ProjectionSpec,
  table: Table,
  options: { readonly keys?: number; readonly onProgress?: (position: number) => void } = {},
): Promise<Audit> {
  const { keys = AUDIT_KEYS, onProgress = () => {} } = options
  // All events of its categories are read. Only then can a missing event be noticed.
  const { filter } = projection
  const [progress] = await store.readModel.progress([table.name])
  const until = progress?.position ?? 0
  const sample = new RowSample(projection, keys)
  const readFollows = followsReader(store, projection)
  for await (const page of logPages(store, { until, filter, seesHoles: true })) {
    for (const stored of await readFollows(page)) sample.addEvent(stored)
    onProgress(page.at(-1)!.position)
  }
  const parked = await store.readModel.parked(table.name)
  const aside = new Set(parked.map(({ key }) => key))
  const isStreamParked = parked.some(({ kind }) => kind === 'stream')
  const differences: RowDifference[] = []
  let left = 0
  for (const [key, folded] of sample.folded) {
    const { found, position } = await store.readModel.get(table, key)
    // A row that an append wrote may be ahead of the checkpoint.
    const to = Math.max(position, found?.position ?? 0)
    for await (const page of logPages(store, { after: until, until: to, filter, seesHoles: true }))
      for (const stored of await readFollows(page)) sample.addEventFor(key, stored)
    const expected = expectedData(projection, folded)
    if (aside.has(key) || folded.error !== null || (isStreamParked && found?.data !== expected)) left++
    else if ((found?.data ?? null) !== expected) differences.push({ key, stored: found?.data ?? null, folded: expected })
  }
  return { keys: sample.folded.size - left, parked: left, position: until, differences }
}

/** The data of a row as its fold says; null: there should be no row. A fold that failed says nothing. */
export function expectedData(projection: ProjectionSpec, { row, error }: SampledRow): string | null {
  return error === null ? row && encodeRow(projection, row).data : null
}

/** The keys with the smallest hashes, each with its row so far. Another seed takes other keys. */
export class RowSample {
  readonly folded: Map<string, SampledRow> = new Map()
  readonly #projection: ProjectionSpec
  readonly #most: number
  readonly #seed: bigint
  #highest = 2n ** 64n

  constructor(projection: ProjectionSpec, most: number, seed: bigint = 0n) {
    this.#projection = projection
    this.#most = most
    this.#seed = seed
  }

  addEvent(stored: StoredEvent): void {
    for (const rowEvent of this.#rowEvents(stored)) this.#apply(rowEvent)
  }

  addEventFor(key: string, stored: StoredEvent): void {
    for (const rowEvent of this.#rowEvents(stored)) if (rowEvent.key === key) this.#apply(rowEvent)
  }

  /** An event that cannot be read is parked with its stream, and changes no row. */
  #rowEvents(stored: StoredEvent): ReturnType<typeof rowEvents> {
    try {
      return rowEvents(this.#projection, stored)
    } catch {
      return []
    }
  }

  #apply(rowEvent: ReturnType<typeof rowEvents>[number]): void {
    const folded = this.#sampledRow(rowEvent.key)
    if (!folded || folded.error !== null) return
    try {
      folded.row = foldEvent(this.#projection, folded.row, rowEvent)
    } catch (error) {
      folded.error = String(error)
    }
  }

  #sampledRow(key: string): SampledRow | null {
    const known = this.folded.get(key)
    if (known) return known
    const hash = Bun.hash.xxHash64(key, this.#seed)
    if (hash >= this.#highest) return null
    const folded: SampledRow = { row: null, hash, error: null }
    this.folded.set(key, folded)
    if (this.folded.size > this.#most) this.#shrink()
    return folded
  }

  #shrink(): void {
    const [key, { hash }] = [...this.folded].reduce((most, one) => (one[1].hash > most[1].hash ? one : most))
    this.folded.delete(key)
    this.#highest = hash
  }
}
