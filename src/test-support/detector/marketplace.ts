// What detectors find in eight weeks of the marketplace: with a fault in the seventh week, and without one.
import { Inventory } from '../../../examples/marketplace/inventory.ts'
import { Order } from '../../../examples/marketplace/order.ts'
import { Payment } from '../../../examples/marketplace/payment.ts'
import { detector } from '../../definitions/detector/detector.ts'
import type { Finding } from '../../definitions/detector/finding.ts'
import { DAY_MS, HOUR_MS, THRESHOLD } from '../../definitions/detector/settings.ts'
import { isShapeKey, type ShapeNote, type ShapeRow } from '../../definitions/detector/shape.ts'
import { spec } from '../../definitions/event/events.ts'
import { rowEvents } from '../../definitions/projection/fold.ts'
import type { StoredEvent } from '../../ports/store/event.ts'
import { memory } from '../../ports/store/memory.ts'
import type { Store } from '../../ports/store/store.ts'
import { backtest } from '../../subscription/findings/backtest.ts'
import { describeFinding } from '../../subscription/findings/describe-finding.ts'
import { FAULTS, type Fault } from './marketplace/faults.ts'
import { BEGIN, branchOf, openMarketplace } from './marketplace/people.ts'
import { USUAL, type World } from './marketplace/world.ts'

const WEEK_MS: number = 7 * DAY_MS
const FAULT_FROM: number = BEGIN + 6 * WEEK_MS
const FAULT_UNTIL: number = FAULT_FROM + WEEK_MS
export const END: number = BEGIN + 8 * WEEK_MS

const shapes = detector('shapes', { from: [Order, Payment, Inventory], shape: true })[spec]

/** A finding or a note: its kind, what it is about, and when it was found. */
export type Called = {
  readonly kind: Finding['kind'] | 'shape'
  readonly what: string
  readonly change: string
  readonly at: number
}
export type FaultScore = {
  readonly fault: Fault
  /** What was called in the week of the fault or on the day after it, and not in the same week without it; the earliest first. */
  readonly called: readonly Called[]
}
/** Weeks without a fault. */
export type NullScore = {
  readonly weeks: number
  /** How many calls there were, how many were to be expected by what is printed, and how many notes. */
  readonly calls: number
  /** Hours in which there was a call: one chance is seen by many watches. */
  readonly episodes: number
  readonly printed: number
  readonly notes: number
}

/** The six weeks before are the same for all faults, and so are the tosses of the weeks behind them. */
export async function scoreFaults(faults: readonly Fault[] = FAULTS): Promise<readonly FaultScore[]> {
  const past = openMarketplace(1)
  past.runUntil(FAULT_FROM)
  const rows = foldShapes(new Map(), past.events)
  const callsOf = async (behaviour: Fault['behaviour']) => {
    const world = branchOf(past, 2)
    world.behaviour = { ...USUAL, ...behaviour }
    world.runUntil(FAULT_UNTIL)
    world.behaviour = USUAL
    world.runUntil(END)
    const { findings } = await detect(world)
    const { notes } = foldShapes(rows.rows, world.events.slice(past.events.length))
    const isIn = ({ at }: Called) => at >= FAULT_FROM && at < FAULT_UNTIL + DAY_MS
    return [...findings.map(calledFinding), ...notes.map(calledNote)].filter(isIn).toSorted((one, other) => one.at - other.at)
  }
  const usual = new Set((await callsOf({})).map(nameOf))
  const scores: FaultScore[] = []
  for (const fault of faults)
    scores.push({ fault, called: (await callsOf(fault.behaviour)).filter(one => !usual.has(nameOf(one))) })
  return scores
}

const nameOf = ({ kind, what, change }: Called) => `${kind} ${what} ${change}`

/** Weeks five to eight of marketplaces without a fault: before that an hourly watch knows no weekdays. */
export async function scoreUntouched(seeds: readonly number[]): Promise<NullScore> {
  const total = { weeks: 0, calls: 0, episodes: 0, printed: 0, notes: 0 }
  for (const seed of seeds) {
    const world = openMarketplace(seed)
    world.runUntil(END)
    const from = BEGIN + 4 * WEEK_MS
    const { findings, falseCallsInYear } = await detect(world)
    total.weeks += 4
    const opened = findings.map(({ openedAt }) => openedAt).filter(at => at >= from)
    total.calls += opened.length
    total.episodes += new Set(opened.map(at => Math.trunc(at / HOUR_MS))).size
    total.printed += (falseCallsInYear * 4 * WEEK_MS) / (365.25 * DAY_MS)
    total.notes += foldShapes(new Map(), world.events).notes.filter(({ openedAt }) => openedAt >= from).length
  }
  return total
}

async function detect(world: World) {
  const { events, samples } = world
  const readAll: Store['readAll'] = async ({ after, limit, until = events.length }) =>
    events.slice(after, Math.min(until, after + limit))
  const store: Store = { ...memory(), readAll, head: async () => events.length, samples: samples.toPort() }
  const all = () => true
  const found = await backtest(store, { threshold: THRESHOLD, isCounted: all, isSampled: all, now: () => END })
  const sights = [...found.subjects, ...found.ratios].filter(({ isLearning }) => !isLearning)
  const falseCallsInYear = [...sights, ...found.orders].reduce((sum, one) => sum + one.falseCallsInYear, 0)
  return { findings: found.findings, falseCallsInYear }
}

/** The rows of types after some events, and the notes that were made meanwhile. */
function foldShapes(before: ReadonlyMap<string, ShapeRow>, events: readonly StoredEvent[]) {
  const rows = new Map(before)
  const notes: ShapeNote[] = []
  for (const stored of events)
    for (const { key, event, evolve } of rowEvents(shapes, stored).filter(({ key }) => isShapeKey(key))) {
      const row = rows.get(key)
      const next = evolve(row ?? shapes.initial, event.data, event, key) as ShapeRow
      if (next.window.length === 0) notes.push(...next.notes.filter(note => !row?.notes.includes(note)))
      rows.set(key, next)
    }
  return { rows, notes }
}

const calledFinding = (finding: Finding): Called => ({
  ...{ kind: finding.kind, what: finding.subject, change: describeFinding(finding).change, at: finding.openedAt },
})
const calledNote = ({ kind, subject, path, change, openedAt }: ShapeNote): Called => ({
  ...{ kind, what: `${path} of ${subject}`, change, at: openedAt },
})

/** How long after the begin of the fault, in hours. */
export function hoursOf({ at }: Called): number {
  return (at - FAULT_FROM) / 3_600_000
}

const KINDS: readonly Called['kind'][] = ['rate', 'ratio', 'order', 'shape']

function rowOf({ fault, called }: FaultScore): string {
  const [first] = called
  const subjects = new Set(called.map(({ what }) => what)).size
  const after = KINDS.map(kind => called.find(one => one.kind === kind)).map(one => (one ? `${hoursOf(one).toFixed(0)} h` : '—'))
  const said = first ? `${first.what}: ${first.change}` : 'not seen'
  return `| ${[fault.name, said, ...after, subjects].join(' | ')} |`
}

if (import.meta.main) {
  for (const score of await scoreFaults()) console.log(rowOf(score))
  const { weeks, calls, episodes, printed, notes } = await scoreUntouched([11, 12, 13, 14, 15, 16])
  console.log(
    `${weeks} weeks untouched: ${calls} calls in ${episodes} hours where ${printed.toFixed(1)} are printed, ${notes} notes`,
  )
}
