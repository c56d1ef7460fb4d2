// The rate detector over the real log of fines, by day and type: untouched, and with planted faults.
import { join } from 'node:path'
import {
  closeUnit,
  noticeTimes,
  type RateCall,
  type RateChange,
  type RateWatch,
  startRateWatch,
} from '../../definitions/detector/rate.ts'
import { DAY_MS, daySettings, THRESHOLD } from '../../definitions/detector/settings.ts'
import { drawCount, random } from './random.ts'

/** The log is not part of the repository: FINES_CSV says where it is. */
export const FINES: string = process.env['FINES_CSV'] ?? join(import.meta.dir, '../../../../shared/data/traffic-fines.csv')

/** How long a planted fault lasts, and how many are planted into the second half of each type. */
const FAULT_DAYS = 28
const FAULTS = 40
const YEAR_DAYS = 365.25

type Fault = 'silence' | 'four times' | 'twice' | 'half'
const FAULT_FACTORS: Readonly<Record<Fault, number>> = { silence: 0, 'four times': 4, twice: 2, half: 0.5 }
const CHANGES: Readonly<Record<Fault, RateChange>> = {
  silence: 'silence',
  'four times': 'burst',
  twice: 'growth',
  half: 'decline',
}
const MORE: readonly RateChange[] = ['growth', 'burst']
const VOLUMES = ['3 a day or more', '1 to 3 a day', 'rarer'] as const
type Volume = (typeof VOLUMES)[number]

type Series = { readonly type: string; readonly counts: readonly number[]; readonly volume: Volume }
export type FaultScore = {
  readonly volume: Volume
  readonly fault: Fault
  readonly planted: number
  readonly found: number
  /** Those of which the watch said, before they began, that it would notice them in half of their time; and what it found. */
  readonly said: number
  readonly saidAndFound: number
  /** Half of those that were found were found within so many days. */
  readonly delayDays: number
}
export type FalseScore = { readonly volume: Volume; readonly types: number; readonly years: number; readonly calls: number }

export async function scoreFines(
  threshold: number = THRESHOLD,
): Promise<{ readonly faults: readonly FaultScore[]; readonly untouched: readonly FalseScore[] }> {
  const all = await readDays()
  const ofVolume = VOLUMES.map(volume => all.filter(series => series.volume === volume))
  const faults = ofVolume.flatMap((some, i) =>
    (Object.keys(FAULT_FACTORS) as Fault[]).map(fault => scoreFault(some, VOLUMES[i]!, fault, threshold)),
  )
  const untouched = ofVolume.map((some, i) => scoreUntouched(some, VOLUMES[i]!, threshold))
  return { faults, untouched }
}

/** The share of planted faults that was found, with its 95 % interval by Wilson. */
export function wilson(found: number, planted: number): readonly [share: number, low: number, high: number] {
  const z = 1.96
  const share = found / planted
  const middle = (share + z ** 2 / (2 * planted)) / (1 + z ** 2 / planted)
  const half = (z / (1 + z ** 2 / planted)) * Math.sqrt((share * (1 - share)) / planted + z ** 2 / (4 * planted ** 2))
  return [share, middle - half, middle + half]
}

/** A fault is found if a call of its direction opens in it, or on the day after it. One that begins in a call is left out. */
function scoreFault(all: readonly Series[], volume: Volume, fault: Fault, threshold: number): FaultScore {
  const delays: number[] = []
  let [planted, said, saidAndFound] = [0, 0, 0]
  for (const { counts } of all) {
    const next = random(counts.length)
    const watches = watchDays(counts, threshold)
    for (let i = 0; i < FAULTS; i++) {
      const half = Math.floor(counts.length / 2)
      const from = half + Math.floor(next() * (counts.length - half - FAULT_DAYS))
      if (watches.before[from]!.open) continue
      planted++
      const isSaid = noticeTimes(watches.before[from]!)[CHANGES[fault]] <= (FAULT_DAYS / 2) * DAY_MS
      if (isSaid) said++
      const days = plant(counts.slice(from, from + FAULT_DAYS + 1), FAULT_FACTORS[fault], next)
      const call = callsOf(watches.before[from]!, days).find(
        ({ change, closedAt }) => closedAt === null && MORE.includes(change) === FAULT_FACTORS[fault] > 1,
      )
      if (call && isSaid) saidAndFound++
      if (call) delays.push(call.openedAt / DAY_MS - from)
    }
  }
  const delayDays = delays.toSorted((one, other) => one - other)[delays.length >> 1] ?? Number.NaN
  return { volume, fault, planted, found: delays.length, said, saidAndFound, delayDays }
}

/** The last day is untouched. Half: each event is dropped by the toss of a coin. */
function plant(days: readonly number[], factor: number, next: () => number): readonly number[] {
  const dropHalf = (count: number) => Array.from({ length: count }, next).filter(toss => toss < factor).length
  return days.map((count, i) => (i >= FAULT_DAYS ? count : factor < 1 ? dropHalf(count) : count * factor))
}

function scoreUntouched(all: readonly Series[], volume: Volume, threshold: number): FalseScore {
  const { learnedUnits } = daySettings(threshold)
  const years = all.reduce((sum, { counts }) => sum + (counts.length - learnedUnits) / YEAR_DAYS, 0)
  const calls = all.flatMap(({ counts }) => watchDays(counts, threshold).calls).filter(({ closedAt }) => closedAt === null)
  return { volume, types: all.length, years, calls: calls.length }
}

/** The watch before each day, and all calls. */
function watchDays(counts: readonly number[], threshold: number) {
  const before: RateWatch[] = [startRateWatch(daySettings(threshold), 0)]
  const calls: RateCall[] = []
  for (const count of counts) {
    const step = closeUnit(before.at(-1)!, [count], true)
    before.push(step.watch)
    calls.push(...step.calls)
  }
  return { before, calls }
}

function callsOf(watch: RateWatch, counts: readonly number[]): readonly RateCall[] {
  const calls: RateCall[] = []
  for (const count of counts) {
    const step = closeUnit(watch, [count], true)
    watch = step.watch
    calls.push(...step.calls)
  }
  return calls
}

/** The counts of each type by day, from its first event to its last. */
async function readDays(): Promise<readonly Series[]> {
  const [header = '', ...lines] = (await Bun.file(FINES).text()).trim().split('\n')
  const columns = header.trim().split(',')
  const [activity, timestamp] = [columns.indexOf('activity'), columns.indexOf('timestamp')]
  const days = Map.groupBy(
    lines.map(line => line.split(',')),
    cells => cells[activity]!,
  )
  return [...days].map(([type, rows]) => {
    const all = rows.map(cells => Date.parse(cells[timestamp]!) / DAY_MS)
    const first = Math.min(...all)
    const counts = new Array<number>(Math.max(...all) - first + 1).fill(0)
    for (const day of all) counts[day - first]!++
    return { type, counts, volume: volumeOf(all.length / counts.length) }
  })
}

const volumeOf = (inDay: number): Volume => VOLUMES[inDay >= 3 ? 0 : inDay >= 1 ? 1 : 2]

/** The same faults in counts of 3 to 30 a day without batches: what a log of many customers looks like. */
export function scoreSimulated(threshold: number = THRESHOLD): readonly FaultScore[] {
  const all = [3, 5, 10, 30].map((mean, i): Series => {
    const next = random(i + 1)
    const rate = (day: number) => mean * (day % 7 >= 5 ? 0.5 : 1.2)
    return {
      type: `${mean}`,
      counts: Array.from({ length: 1_000 }, (_, day) => drawCount(next, rate(day), 1.5)),
      volume: VOLUMES[0],
    }
  })
  return (Object.keys(FAULT_FACTORS) as Fault[]).map(fault => scoreFault(all, VOLUMES[0], fault, threshold))
}

const percent = (share: number) => `${Math.round(share * 100)}`

function rowOf({ volume, fault, planted, found, said, saidAndFound, delayDays }: FaultScore): string {
  const [share, low, high] = wilson(found, planted)
  const shown = `${percent(share)} % (${percent(low)} to ${percent(high)})`
  return `| ${volume} | ${fault} | ${found} of ${planted} | ${shown} | ${saidAndFound} of ${said} | ${Number.isNaN(delayDays) ? '—' : `${delayDays} d`} |`
}

if (import.meta.main) {
  const { faults, untouched } = await scoreFines(Number(process.argv[2] ?? THRESHOLD))
  for (const score of faults) console.log(rowOf(score))
  for (const { volume, types, years, calls } of untouched)
    console.log(`| ${volume} | ${types} | ${years.toFixed(1)} | ${calls} | ${(calls / years).toFixed(2)} |`)
  for (const score of scoreSimulated()) console.log(`simulated ${rowOf(score)}`)
}
