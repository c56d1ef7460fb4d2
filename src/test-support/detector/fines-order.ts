// The order of events over the real log of fines: learned on its first half, then untouched and with planted faults.
import { EXAMPLES, type FollowsCount, type HourCount, STREAM_BEGIN } from '../../definitions/detector/hour-row.ts'
import { OrderWatch } from '../../definitions/detector/order.ts'
import { HOUR_MS, YEAR_MS } from '../../definitions/detector/settings.ts'
import { MINUTES } from '../../definitions/detector/type-watch.ts'
import { FINES } from './fines.ts'
import { random } from './random.ts'

const FAULTS = 40
const FAULT_KINDS = ['swapped', 'dropped', 'doubled', 'foreign'] as const
export type OrderFault = (typeof FAULT_KINDS)[number]

type FineEvent = { readonly fine: string; readonly type: string; readonly at: number }
/** An event of a type that follows another one. */
type Step = { readonly before: string; readonly type: string; readonly at: number }
/** The steps that a fault puts into the log. */
type Fault = { readonly kind: OrderFault; readonly steps: readonly Step[] }

export type OrderScore = {
  /** Calls on the second half as it is, and how many the sights printed at its begin: at most so many. */
  readonly calls: number
  readonly printed: number
  /** Of each kind of 40 faults, how many were called. */
  readonly found: Readonly<Record<OrderFault, number>>
}

export async function scoreFinesOrder(seed = 1): Promise<OrderScore> {
  const streams = await readFines()
  const steps = [...streams.values()].flatMap(stepsOf).toSorted((one, other) => one.at - other.at)
  const half = steps[steps.length >> 1]!.at
  const end = steps.at(-1)!.at + HOUR_MS
  const faults = FAULT_KINDS.flatMap(kind => plantFaults([...streams.values()], kind, half, seed))
  const planted = Map.groupBy(
    faults.flatMap(fault => fault.steps.map(step => ({ fault, step }))),
    ({ step }) => step.at,
  )
  const watch = new OrderWatch()
  const found = new Set<Fault>()
  let printed = Number.NaN
  for (const [at, day] of Map.groupBy(steps, step => step.at)) {
    if (at >= half && Number.isNaN(printed))
      printed = watch.sightsAt(at).reduce((sum, sight) => sum + sight.falseCallsInYear, 0) * ((end - at) / YEAR_MS)
    for (const { fault, step } of planted.get(at) ?? []) if (isCalled(watch, step)) found.add(fault)
    watch.closeHour(countSteps(day))
  }
  const calls = watch.findingsAt([], end).filter(({ since }) => since >= half).length
  const ofKind = (wanted: OrderFault) => [...found].filter(({ kind }) => kind === wanted).length
  return { calls, printed, found: Object.fromEntries(FAULT_KINDS.map(kind => [kind, ofKind(kind)])) as OrderScore['found'] }
}

const isCalled = (watch: OrderWatch, step: Step) =>
  watch.findingsAt(countSteps([step]), step.at + HOUR_MS).some(({ since }) => since === step.at)

/** The steps of an hour, as a detector counts them. */
function countSteps(steps: readonly Step[]): readonly HourCount[] {
  return [...Map.groupBy(steps, ({ type }) => type)].map(([type, ofType]) => {
    const follows = [...Map.groupBy(ofType, ({ before }) => before)].map(([before, { length }]): [string, FollowsCount] => [
      before,
      { events: length, minute: 0, first: new Array<number>(Math.min(EXAMPLES, length)).fill(1) },
    ])
    const minutes = new Array<number>(MINUTES).fill(0).with(0, ofType.length)
    return { subject: `fine.${type}`, hour: ofType[0]!.at, minutes, last: [], follows: Object.fromEntries(follows) }
  })
}

function stepsOf(events: readonly FineEvent[]): readonly Step[] {
  return events.map(({ type, at }, i) => ({ before: events[i - 1]?.type ?? STREAM_BEGIN, type, at }))
}

/** Faults at events that have two neighbours, in the second half. */
function plantFaults(streams: readonly (readonly FineEvent[])[], kind: OrderFault, half: number, seed: number): readonly Fault[] {
  const next = random(seed + FAULT_KINDS.indexOf(kind))
  const types = [...new Set(streams.flatMap(events => events.map(({ type }) => type)))].toSorted()
  const late = streams.filter(events => events.slice(1, -1).some(({ at }) => at >= half))
  const faults: Fault[] = []
  while (faults.length < FAULTS) {
    const events = late[Math.floor(next() * late.length)]!
    const i = 1 + Math.floor(next() * (events.length - 2))
    if (events[i]!.at < half || (kind === 'swapped' && events[i]!.type === events[i + 1]!.type)) continue
    const foreign = types[Math.floor(next() * types.length)]!
    const changed = changeEvents(events, i, kind, foreign)
    faults.push({ kind, steps: stepsOf(changed).slice(i, i + 3) })
  }
  return faults
}

function changeEvents(events: readonly FineEvent[], i: number, kind: OrderFault, foreign: string): readonly FineEvent[] {
  const [event, after] = [events[i]!, events[i + 1]!]
  switch (kind) {
    case 'swapped':
      return events.toSpliced(i, 2, { ...after, at: event.at }, { ...event, at: after.at })
    case 'dropped':
      return events.toSpliced(i, 1)
    case 'doubled':
      return events.toSpliced(i, 0, event)
    case 'foreign':
      return events.toSpliced(i, 0, { ...event, type: foreign })
  }
}

async function readFines(): Promise<ReadonlyMap<string, readonly FineEvent[]>> {
  const [header = '', ...lines] = (await Bun.file(FINES).text()).trim().split('\n')
  const columns = header.trim().split(',')
  const [fine, type, at] = ['case_id', 'activity', 'timestamp'].map(name => columns.indexOf(name)) as [number, number, number]
  const events = lines.map(line => line.split(',')).map(c => ({ fine: c[fine]!, type: c[type]!, at: Date.parse(c[at]!) }))
  return Map.groupBy(events, event => event.fine)
}

if (import.meta.main) {
  const { calls, printed, found } = await scoreFinesOrder(Number(process.argv[2] ?? 1))
  console.log(`untouched: ${calls} calls, ${printed.toFixed(1)} printed`)
  for (const [kind, count] of Object.entries(found)) console.log(`| ${kind} | ${count} of ${FAULTS} |`)
}
