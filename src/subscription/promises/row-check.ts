// Folds the rows of some keys again, a few pages a step, and compares them with the stored rows: one projection after
// the other, each time other keys. It is an audit that takes its time, and that a busy log does not hold up.
import { foldFingerprint } from '../../definitions/projection/fold-fingerprint.ts'
import type { ProjectionSpec } from '../../definitions/projection/projection.ts'
import { background } from '../../lib/turns.ts'
import type { Table } from '../../ports/read-model/tables.ts'
import { isFull } from '../../ports/store/page-size.ts'
import type { Store } from '../../ports/store/store.ts'
import { expectedData, RowSample, type SampledRow } from '../audit.ts'
import { hasOtherFold } from '../changed-folds.ts'
import { followsReader, type ReadFollows } from '../predecessors.ts'
import type { AddBreach } from './add-breach.ts'

/** How many keys are compared in a pass over the log. */
const KEYS_PER_PASS = 200
/** How many pages a step reads, the most events of one, and the size of its payloads, in bytes, at which it ends. */
export const PAGES_PER_STEP = 8
const PAGE_EVENTS = 1_000
const PAGE_SIZE = 2_097_152
/** The work to read a page, in characters. */
const READ_SIZE = 65_536
const SEEDS = 2 ** 32

/** A projection, and the table of its that serves. */
export type ServingRows = { readonly spec: ProjectionSpec; readonly table: Table }

export type RowCheckOptions = {
  readonly store: Pick<Store, 'readAll' | 'readModel' | 'typesAt'>
  /** The rows that serve now, in an order that lasts. */
  readonly serving: () => readonly ServingRows[]
  readonly addBreach: AddBreach
  /** Gives a number from 0 to below 1, which chooses the keys. Default: `Math.random`. */
  readonly random?: () => number
}

/** One pass over the log. `position`: up to where it has folded. `target`: the checkpoint at its begin. */
type Pass = ServingRows & {
  readonly sample: RowSample
  readonly readFollows: ReadFollows
  readonly target: number
  position: number
}

/** The breach of a row that differs from its fold. It quotes neither, as they may hold secrets. */
export function rowBreach(projection: string, table: string, key: string, position: number): Parameters<AddBreach>[0] {
  const message = `The row ${key} of ${projection} in ${table} is not the fold of its events up to position ${position}.`
  return { promise: 'rows', subject: `${table} ${key}`, message }
}

export class RowCheck {
  readonly #options: RowCheckOptions
  #passes = 0
  #pass: Pass | null = null

  constructor(options: RowCheckOptions) {
    this.#options = options
  }

  /** Reads on. At the end of a pass it compares, and the next step begins the next pass. Rejects with the store's error. */
  async step(): Promise<void> {
    try {
      this.#pass ??= await this.#begin()
      if (this.#pass && (await this.#readOn(this.#pass))) {
        await this.#compareAll(this.#pass)
        this.#pass = null
      }
    } catch (error) {
      this.#pass = null
      throw error
    }
  }

  async #begin(): Promise<Pass | null> {
    const all = this.#options.serving()
    const one = all[this.#passes++ % Math.max(1, all.length)]
    if (!one || (await this.#hasChanged(one))) return null
    const { store, random = Math.random } = this.#options
    const sample = new RowSample(one.spec, KEYS_PER_PASS, BigInt(Math.floor(random() * SEEDS)))
    return { ...one, sample, readFollows: followsReader(store, one.spec), target: await this.#checkpointOf(one), position: 0 }
  }

  /** Rows that another fold has written differ for a reason that is reported elsewhere. */
  async #hasChanged({ spec, table }: ServingRows): Promise<boolean> {
    return hasOtherFold(await this.#options.store.readModel.fingerprints(table.name), foldFingerprint(spec))
  }

  async #checkpointOf({ table }: ServingRows): Promise<number> {
    const [progress] = await this.#options.store.readModel.progress([table.name])
    return progress?.position ?? 0
  }

  /**
   * Folds the next pages. True: it has reached the checkpoint of now, or at least that at its begin, where the log grows
   * faster than it reads.
   */
  async #readOn(pass: Pass): Promise<boolean> {
    const until = await this.#checkpointOf(pass)
    for (let i = 0; i < PAGES_PER_STEP && pass.position < until; i++) await this.#readPage(pass, until)
    return pass.position >= pass.target
  }

  async #readPage(pass: Pass, until: number): Promise<void> {
    if (background.isOver(READ_SIZE)) await background.next()
    const asked = {
      after: pass.position,
      until,
      limit: PAGE_EVENTS,
      sizeMax: PAGE_SIZE,
      ...(pass.spec.filter && { filter: pass.spec.filter }),
    }
    const events = await this.#options.store.readAll(asked)
    for (const event of await pass.readFollows(events)) pass.sample.addEvent(event)
    pass.position = isFull(events, asked) ? events.at(-1)!.position : until
  }

  async #compareAll(pass: Pass): Promise<void> {
    const { spec, table, sample } = pass
    const { readModel } = this.#options.store
    const parked = new Set((await readModel.parked(table.name)).map(({ key }) => key))
    const different: string[] = []
    for (const [key, folded] of sample.folded)
      if (!parked.has(key) && (await this.#isDifferent(pass, key, folded))) different.push(key)
    if (different.length === 0) return
    // What has begun meanwhile explains the difference: another table, another fold, or a key that was parked.
    const isServing = this.#options.serving().some(one => one.table.name === table.name)
    if (!isServing || (await this.#hasChanged(pass))) return
    const parkedSince = new Set((await readModel.parked(table.name)).map(({ key }) => key))
    for (const key of different)
      if (!parkedSince.has(key)) await this.#options.addBreach(rowBreach(spec.name, table.name, key, pass.position))
  }

  /** Whether a stored row differs from its fold. A row that events changed behind the pass cannot be compared. */
  async #isDifferent({ spec, table, position }: Pass, key: string, folded: SampledRow): Promise<boolean> {
    const { found, parked, parkedStream, position: checkpoint } = await this.#options.store.readModel.get(table, key)
    if (folded.error !== null || parked !== null || parkedStream !== null) return false
    // Below it, the rows were emptied meanwhile, and are filled again.
    if (checkpoint < position) return false
    const isUnchanged = found ? found.position <= position : checkpoint === position
    return isUnchanged && (found?.data ?? null) !== expectedData(spec, folded)
  }
}
