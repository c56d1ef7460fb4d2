// Reads the rows of a detector, and detects over those that are new.
import { Detection } from '../../definitions/detector/detection.ts'
import type { DetectorSpec } from '../../definitions/detector/detector.ts'
import type { DelaySight } from '../../definitions/detector/delay-detection.ts'
import type { Finding } from '../../definitions/detector/finding.ts'
import type { OrderSight } from '../../definitions/detector/order.ts'
import type { SubjectSight } from '../../definitions/detector/rate-findings.ts'
import { type HourCount, keyBefore, readHour } from '../../definitions/detector/hour-row.ts'
import { BEFORE_SHAPES, isShapeKey, rankNotes, type ShapeNote, type ShapeRow } from '../../definitions/detector/shape.ts'
import type { RatioSight } from '../../definitions/detector/ratio-detection.ts'
import { isWatchedSubject } from '../../definitions/detector/subjects.ts'
import { nextTurn } from '../../lib/turns.ts'
import type { Store } from '../../ports/store/store.ts'
import { SampleReader } from './sample-reader.ts'

/** What a detector knows at a time. */
export type DetectorReading = {
  readonly detector: string
  /** Until when all events are counted, in ms since 1970. 0: it has not begun. */
  readonly until: number
  readonly findings: readonly Finding[]
  readonly subjects: readonly SubjectSight[]
  /** What changed in payloads, that of the greatest effect first. */
  readonly notes: readonly ShapeNote[]
  /** How many fields of a type are not watched, because it has too many. */
  readonly unwatched: readonly { readonly subject: string; readonly fields: number }[]
  readonly ratios: readonly RatioSight[]
  readonly delays: readonly DelaySight[]
  readonly orders: readonly OrderSight[]
}

/** An event may still come whose time is so long ago, because clocks differ. */
const LATE_MS = 30_000
const PAGE_ROWS = 100

export class FindingReader {
  readonly #store: Store
  readonly #spec: DetectorSpec
  readonly #now: () => number
  #detection: Detection
  /** What it knows of commands, which are not in the log. */
  readonly #samples: SampleReader
  /** The table whose rows were read, and its checkpoint then. */
  #seen = { table: '', position: 0 }

  constructor(store: Store, spec: DetectorSpec, now: () => number) {
    this.#store = store
    this.#spec = spec
    this.#now = now
    this.#detection = new Detection(spec.threshold)
    const isWatched = (subject: string) => isWatchedSubject(spec.families, subject)
    this.#samples = new SampleReader({ samples: store.samples, threshold: spec.threshold, isWatched, now })
  }

  /** Reads what is new. Rejects with the store's error, and goes on where it was with the next call. */
  async read(): Promise<DetectorReading> {
    const { name } = this.#spec
    await this.#samples.read()
    const table = await this.#store.readModel.serving(name)
    const until = table === null ? 0 : await this.#untilOf(table)
    if (table !== null) await this.#detect(table, until)
    const notes = table === null ? [] : await this.#readNotes(table)
    const [events, samples] = [this.#detection, this.#samples]
    const findings = [...events.findings, ...samples.findings].toSorted((one, other) => one.openedAt - other.openedAt)
    const subjects = [...events.sights, ...samples.subjects]
    const [{ ratios, delays }, { orders }] = [samples, events]
    const unwatched = unwatchedOf(this.#spec)
    return { detector: name, until, findings, subjects, ratios, delays, orders, notes, unwatched }
  }

  /** Until when the rows of a table hold all events. */
  async #untilOf(table: string): Promise<number> {
    const now = this.#now()
    const [progress] = await this.#store.readModel.progress([table])
    const position = progress?.position ?? 0
    // The rows were made anew, by a rebuild or a reset.
    if (table !== this.#seen.table || position < this.#seen.position) this.#detection = new Detection(this.#spec.threshold)
    this.#seen = { table, position }
    const [first] = await this.#store.readAll({ after: position, limit: 1 })
    return Math.min(now - LATE_MS, first ? Date.parse(first.at) : now)
  }

  async #detect(table: string, until: number): Promise<void> {
    const detection = this.#detection
    detection.forgetOpenHours()
    for await (const counts of this.#countPages(table, keyBefore(detection.hour))) {
      detection.add(counts)
      // The rest of the last row's hour may be on the next page.
      detection.close(Math.min(until, counts.at(-1)!.hour))
      await nextTurn()
    }
    detection.close(until)
  }

  async *#countPages(table: string, from: string): AsyncGenerator<readonly HourCount[]> {
    const asked = { where: [], sort: [], limit: PAGE_ROWS }
    for (let key = from; ; ) {
      const { found } = await this.#store.readModel.list({ name: table, indexes: [] }, { ...asked, after: { values: [], key } })
      const hours = found.filter(row => !isShapeKey(row.key))
      if (hours.length) yield hours.map(row => readHour(row.key, row.data))
      if (hours.length < PAGE_ROWS) return
      key = found.at(-1)!.key
    }
  }

  async #readNotes(table: string): Promise<readonly ShapeNote[]> {
    if (this.#spec.shapes === null) return []
    const asked = { where: [], sort: [], limit: this.#spec.shapes.size, after: { values: [], key: BEFORE_SHAPES } }
    const { found } = await this.#store.readModel.list({ name: table, indexes: [] }, asked)
    return rankNotes(found.map(({ data }) => JSON.parse(data) as ShapeRow))
  }
}

function unwatchedOf({ shapes }: DetectorSpec): DetectorReading['unwatched'] {
  const all = [...(shapes ?? [])].map(([subject, { unwatched }]) => ({ subject, fields: unwatched }))
  return all.filter(({ fields }) => fields > 0)
}
