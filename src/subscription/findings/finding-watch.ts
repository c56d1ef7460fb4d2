// Looks every minute at what the detectors of this process found, and reports what opened and what closed.
import type { Definitions } from '../../definitions/definition.ts'
import { type DetectorSpec, isDetector } from '../../definitions/detector/detector.ts'
import { type Finding, findingKey } from '../../definitions/detector/finding.ts'
import type { ShapeNote } from '../../definitions/detector/shape.ts'
import { sleep as machineSleep } from '../../lib/sleep.ts'
import type { Meter, Observation } from '../../ports/metrics/meter.ts'
import { Episode } from '../../ports/report/episode.ts'
import { Notice, type Report } from '../../ports/report/notice.ts'
import type { Store } from '../../ports/store/store.ts'
import type { Subscriptions } from '../subscriptions.ts'
import { describeFinding } from './describe-finding.ts'
import { describeNote } from './describe-note.ts'
import { FindingReader } from './finding-reader.ts'

const LOOK_MS = 60_000

export type FindingWatchOptions = {
  readonly store: Store
  readonly detectors: readonly DetectorSpec[]
  readonly now: () => number
  readonly report: Report
  readonly metrics: Meter
  /** Whether this process runs the subscription of a detector. Only one process does, and only that one reports. */
  readonly isOwner: (detector: string) => boolean
  /** Waits so many ms, or until the signal aborts. Default: by the machine's clock. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>
}

type Watching = Pick<FindingWatchOptions, 'store' | 'now' | 'report' | 'metrics'> & { readonly definitions: Definitions }

/** Watches the detectors among some definitions. */
export function watchFindings(shared: Watching, subscriptions: Subscriptions): FindingWatch {
  const detectors = [...shared.definitions.projection.values()].filter(isDetector)
  const isOwner = (name: string) => subscriptions.versionsOf(name).serving?.subscription.isOwner ?? false
  return new FindingWatch({ ...shared, detectors, isOwner })
}

export class FindingWatch {
  readonly #options: FindingWatchOptions
  readonly #watched: readonly WatchedDetector[]
  readonly #closing = new AbortController()
  #running: Promise<unknown> = Promise.resolve()

  constructor(options: FindingWatchOptions) {
    this.#options = options
    this.#watched = options.detectors.map(spec => new WatchedDetector(spec, options))
  }

  start(): void {
    if (this.#watched.length === 0) return
    this.#options.metrics.observe(['emaki.finding.open'], () => ({ 'emaki.finding.open': this.open }))
    this.#running = this.#run()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#running
  }

  /** How many findings are open of each type that this process watches. */
  get open(): readonly Observation<'emaki.finding.open'>[] {
    return this.#watched.flatMap(one => one.countOpen())
  }

  /** Looks now. */
  async look(): Promise<void> {
    for (const one of this.#watched) await one.look()
  }

  async #run(): Promise<void> {
    const { sleep = machineSleep } = this.#options
    const { signal } = this.#closing
    while (!signal.aborted) {
      await this.look()
      await sleep(LOOK_MS, signal)
    }
  }
}

class WatchedDetector {
  readonly #spec: DetectorSpec
  readonly #options: FindingWatchOptions
  readonly #reading: Episode
  #reader: FindingReader | null = null
  /** What this process has reported as open, by its key. */
  #open = new Map<string, Finding>()
  /** The notes that it knows. Null: it has not looked. What is there at the first look is not reported. */
  #noted: ReadonlySet<string> | null = null
  /** The types that it watches. */
  #subjects: readonly string[] = []

  constructor(spec: DetectorSpec, options: FindingWatchOptions) {
    this.#spec = spec
    this.#options = options
    const what = `The findings of ${spec.name} could not be read`
    this.#reading = new Episode({ report: options.report, what, mend: 'Mend the database.', fields: { detector: spec.name } })
  }

  countOpen(): readonly Observation<'emaki.finding.open'>[] {
    const open = [...this.#open.values()]
    return this.#subjects.map(subject => {
      const value = open.filter(one => one.subject === subject).length
      return { values: [this.#spec.name, subject], value }
    })
  }

  async look(): Promise<void> {
    const { store, now, isOwner } = this.#options
    if (!isOwner(this.#spec.name)) return this.#forget()
    this.#reader ??= new FindingReader(store, this.#spec, now)
    try {
      const { findings, subjects, ratios, delays, notes } = await this.#reader.read()
      this.#subjects = [...subjects, ...ratios, ...delays].map(({ subject }) => subject)
      this.#compare(findings)
      this.#compareNotes(notes)
      this.#reading.succeed()
    } catch (error) {
      this.#reading.fail(error)
    }
  }

  /** The process that runs the detector now reports what is open. */
  #forget(): void {
    this.#reader = null
    this.#open = new Map()
    this.#noted = null
    this.#subjects = []
  }

  #compare(findings: readonly Finding[]): void {
    const before = this.#open
    const isOpen = ({ closedAt }: Finding) => closedAt === null
    this.#open = new Map(findings.filter(isOpen).map(finding => [findingKey(finding), finding]))
    for (const [key, finding] of this.#open)
      if (!before.has(key)) this.#report(finding, { level: 'warn', code: 'finding-opened' })
    for (const [key, finding] of before)
      if (!this.#open.has(key))
        this.#report(findings.find(one => findingKey(one) === key) ?? finding, { level: 'info', code: 'finding-closed' })
  }

  #compareNotes(notes: readonly ShapeNote[]): void {
    const before = this.#noted
    const keyOf = ({ subject, path, openedAt }: ShapeNote) => `${subject} ${path} ${openedAt}`
    this.#noted = new Set(notes.map(keyOf))
    if (before) for (const note of notes) if (!before.has(keyOf(note))) this.#reportNote(note)
  }

  #reportNote(note: ShapeNote): void {
    const { kind, subject, path, since, examples } = note
    const { change, sentence } = describeNote(note)
    const place = { detector: this.#spec.name, kind, subject, path, change }
    const fields = { ...place, since: new Date(since).toISOString(), examples: examples.join(', ') }
    this.#options.report(new Notice({ level: 'info', code: 'payload-changed', message: sentence, fields }))
  }

  #report(finding: Finding, as: Pick<Notice, 'level' | 'code'>): void {
    const { kind, subject, examples, openedAt, since, closedAt } = finding
    const { change, sentence } = describeFinding(finding)
    const time = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString())
    const times = { since: time(since), openedAt: time(openedAt), closedAt: time(closedAt) }
    const fields = { detector: this.#spec.name, kind, subject, change, ...times, examples: examples.join(', ') }
    this.#options.report(new Notice({ ...as, message: sentence, fields }))
  }
}
