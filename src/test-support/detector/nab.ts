// The rate detector over the count series of the Numenta Anomaly Benchmark, with its labelled windows.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { RateCall } from '../../definitions/detector/rate.ts'
import { HOUR_MS, THRESHOLD } from '../../definitions/detector/settings.ts'
import { closeHour, MINUTES, startTypeWatch } from '../../definitions/detector/type-watch.ts'

/** The data are not part of the repository: NAB says where they are. */
export const NAB: string = process.env['NAB'] ?? join(import.meta.dir, '../../../../shared/data/nab')
/** Before this share of a series nothing is scored: the detector learns. */
const LEARNED_SHARE = 0.25
/** Calls outside of all windows within this time of each other are one false episode. */
const EPISODE_MS = 86_400_000
const MINUTE_MS = 60_000

type Window = readonly [from: number, to: number]
type Series = {
  readonly name: string
  readonly hour: number
  readonly hours: readonly (readonly number[])[]
  readonly windows: readonly Window[]
}
export type NabScore = {
  readonly windows: number
  readonly found: number
  readonly falseEpisodes: number
  readonly weeks: number
}

export async function scoreNab(threshold: number = THRESHOLD): Promise<ReadonlyMap<string, NabScore>> {
  return new Map((await readSeries()).map(series => [series.name, scoreSeries(series, threshold)]))
}

export function sumScores(scores: Iterable<NabScore>): NabScore {
  const sum = { windows: 0, found: 0, falseEpisodes: 0, weeks: 0 }
  for (const { windows, found, falseEpisodes, weeks } of scores) {
    sum.windows += windows
    sum.found += found
    sum.falseEpisodes += falseEpisodes
    sum.weeks += weeks
  }
  return sum
}

/** A window is found if a call is opened in it. Calls outside of all windows are false. */
function scoreSeries({ hour, hours, windows }: Series, threshold: number): NabScore {
  const learned = Math.floor(hours.length * LEARNED_SHARE)
  const from = hour + learned * HOUR_MS
  const calls = callsOf(hour, hours, threshold).filter(({ openedAt }) => openedAt >= from)
  const isIn = ({ openedAt }: RateCall, [begin, end]: Window) => openedAt >= begin && openedAt <= end
  const scored = windows.filter(([, end]) => end >= from)
  return {
    windows: scored.length,
    found: scored.filter(window => calls.some(call => isIn(call, window))).length,
    falseEpisodes: countEpisodes(calls.filter(call => !windows.some(window => isIn(call, window)))),
    weeks: (hours.length - learned) / 168,
  }
}

export function callsOf(hour: number, hours: Series['hours'], threshold: number): readonly RateCall[] {
  let watch = startTypeWatch(threshold, hour)
  const found: RateCall[] = []
  for (const minutes of hours) {
    const step = closeHour(watch, minutes)
    watch = step.watch
    found.push(...step.calls.filter(({ closedAt }) => closedAt === null))
  }
  return found
}

function countEpisodes(calls: readonly RateCall[]): number {
  return calls.filter(({ openedAt }, i) => i === 0 || openedAt - calls[i - 1]!.openedAt > EPISODE_MS).length
}

export async function readSeries(): Promise<readonly Series[]> {
  const labels = (await Bun.file(join(NAB, 'combined_windows.json')).json()) as Record<string, [string, string][]>
  const files = readdirSync(NAB).filter(file => file.endsWith('.csv'))
  return Promise.all(
    files.sort().map(async file => {
      const path = Object.keys(labels).find(path => path.endsWith(`/${file}`))!
      const windows = labels[path]!.map(([from, to]): Window => [timeOf(from), timeOf(to)])
      return { name: file.replace('.csv', ''), ...hoursOf(await Bun.file(join(NAB, file)).text()), windows }
    }),
  )
}

const timeOf = (text: string) => Date.parse(`${text.slice(0, 10)}T${text.slice(11, 19)}Z`)

/** Each count is that of an interval, and is spread over its minutes. */
function hoursOf(csv: string): Pick<Series, 'hour' | 'hours'> {
  const rows = csv
    .trim()
    .split('\n')
    .slice(1)
    .map(line => line.split(','))
    .map(([at, count]) => [timeOf(at!), Number(count)] as const)
  const minutesInRow = Math.round((rows[1]![0] - rows[0]![0]) / MINUTE_MS)
  const first = Math.floor(rows[0]![0] / HOUR_MS)
  const length = Math.floor(rows.at(-1)![0] / HOUR_MS) - first + 1
  const hours = Array.from({ length }, () => new Array<number>(MINUTES).fill(0))
  for (const [at, count] of rows)
    for (let i = 0; i < minutesInRow; i++) {
      const minute = Math.floor(at / MINUTE_MS) + i - first * MINUTES
      const minutes = hours[Math.floor(minute / MINUTES)]
      if (minutes) minutes[minute % MINUTES]! += count / minutesInRow
    }
  return { hour: first * HOUR_MS, hours }
}

if (import.meta.main) {
  const scores = await scoreNab(Number(process.argv[2] ?? THRESHOLD))
  const show = (name: string, { windows, found, falseEpisodes, weeks }: NabScore) =>
    console.log(`${name.padEnd(30)} ${found} of ${windows}, ${(falseEpisodes / weeks).toFixed(2)} false a week`)
  for (const [name, score] of scores) show(name, score)
  show('all', sumScores(scores.values()))
}
