// Two or three writers, each stopped at the gates of the append function, in every order of their steps, with a reader between every
// two steps. A writer's last step is its commit, or it is cancelled or its session ended there, its positions drawn.
import type { Store } from '../../../ports/store/store.ts'
import type { Expectation, NewKey, Unit } from '../../../ports/store/unit.ts'
import { type Follower, follow, readLog } from './follow.ts'
import { type Gates, gates, POINTS } from './gates.ts'
import { type Attempt, violations } from './history.ts'
import { lateKeys } from './late-keys.ts'
import type { Variant } from './plants.ts'
import { type RaceLog, raceLog } from './race-log.ts'
import { type Recorder, recorder, tokenEvent } from './recorder.ts'

export type Ending = 'commit' | 'cancel' | 'terminate'
/** Whose step is next, step by step; what the writers append; and how each ends. */
export type Schedule = { readonly order: readonly number[]; readonly scene: Scene; readonly endings: readonly Ending[] }
export type Scene = keyof typeof scenes

type Slices = readonly (readonly [stream: string, expect: Expectation])[]

/** What each of up to three writers appends to streams a, b, c; and how many of those that are let through must win. */
const scenes = {
  'streams of their own': { slices: [[['a', 0]], [['b', 0]], [['c', 0]]], wins: 'all' },
  'a new stream': { slices: [[['a', 0]], [['a', 0]], [['a', 0]]], wins: 'one' },
  'a stream with an event': { first: 'a', slices: [[['a', 1]], [['a', 1]], [['a', 1]]], wins: 'one' },
  'a stream, whatever it holds': { slices: [[['a', 'any']], [['a', 'any']], [['a', 'any']]], wins: 'all' },
  'a stream that exists or not': { slices: [[['a', 0]], [['a', 'exists']], [['a', 'any']]], wins: 'some' },
  'two streams, crosswise': {
    slices: [
      [
        ['a', 0],
        ['b', 0],
      ],
      [
        ['b', 0],
        ['a', 0],
      ],
      [
        ['c', 0],
        ['a', 0],
      ],
    ],
    wins: 'one',
  },
  'two streams, in a row': {
    slices: [
      [
        ['a', 0],
        ['b', 'any'],
      ],
      [
        ['b', 0],
        ['c', 0],
      ],
      [
        ['c', 'any'],
        ['d', 0],
      ],
    ],
    wins: 'some',
  },
  'one key': { key: true, slices: [[['a', 'any']], [['a', 'any']], [['a', 'any']]], wins: 'one' },
} as const satisfies Record<string, { first?: string; key?: true; slices: readonly Slices[]; wins: 'all' | 'one' | 'some' }>

export const sceneNames = Object.keys(scenes) as readonly Scene[]
/** The steps of a writer: to open each of its gates. */
export const STEPS: number = POINTS

/** Runs schedules on a log of their own, and says which promises were broken; stops at the first schedule that could not be run. */
export async function interleave(variant: Variant, writers: number, schedules: readonly Schedule[]): Promise<readonly string[]> {
  await using log = await raceLog({ ...variant, gates: true })
  const between = gates(log, writers)
  const attempts: Attempt[] = []
  const reader = follow(await log.store(), 'the reader', 3)
  try {
    const records = await Promise.all(
      between.writers.map(async (writer, i) =>
        recorder(await openRacer(log, writer, variant), `writer ${i}`, one => attempts.push(one)),
      ),
    )
    const seed = recorder(await log.store(), 'the seed', attempt => attempts.push(attempt))
    const wrong: string[] = []
    for (const [i, schedule] of schedules.entries()) {
      const wrongs = await stage(between, reader, records, seed, schedule, `s${i}`)
      wrong.push(...wrongs.map(text => `${titleOf(schedule, i)}: ${text}`))
      if (wrong.length >= WRONG_MAX) break
    }
    return [...wrong, ...violations({ attempts, log: await readLog(await log.store()), readings: [await reader.stop()] })]
  } finally {
    await between.end()
  }
}
const WRONG_MAX = 20

async function openRacer(log: RaceLog, writer: number, { plant }: Variant): Promise<Pick<Store, 'append'>> {
  const store = await log.store({ writer })
  return plant === 'key outside the transaction' ? lateKeys(store, log) : store
}

/** Runs one schedule; gives what is wrong with who won. */
async function stage(
  between: Gates,
  reader: Follower,
  records: readonly Recorder[],
  seed: Recorder,
  { order, scene, endings }: Schedule,
  name: string,
): Promise<readonly string[]> {
  const { slices, wins, ...more } = scenes[scene]
  if ('first' in more) await seed([unitOf([[more.first, 'any']], name, 'seed', null)])
  await between.close()
  const ended: (Awaited<ReturnType<Recorder>> | null)[] = records.map(() => null)
  const calls = records.map(async (record, i) => {
    ended[i] = await record([unitOf(slices[i]!, name, `w${i}`, 'key' in more ? `${name}.key` : null)])
  })
  const isOn = (writer: number) => ended[between.writers.indexOf(writer)] === null
  await between.quiet(isOn)
  await reader.step()
  const taken = records.map(() => 0)
  const interrupted = records.map(() => false)
  for (const i of order) {
    const writer = between.writers[i]!
    const ending = endings[i]!
    const isLast = ++taken[i]! === STEPS
    if (isLast && ending !== 'commit') {
      interrupted[i] = isOn(writer) && (await between.interrupt(writer, ending))
      if (interrupted[i]) await calls[i]
    }
    await between.open(writer, taken[i]!)
    await between.quiet(isOn)
    await reader.step()
  }
  await Promise.all(calls)
  await reader.step()
  return unfair(wins, ended as Awaited<ReturnType<Recorder>>[], interrupted)
}

function unitOf(slices: Slices, name: string, who: string, key: string | null): Unit {
  const units = slices.map(([stream, expect]) => ({
    stream: `${name}-${stream}`,
    expect,
    events: [tokenEvent(`${name}.${who}.${stream}`)],
  }))
  const keys: NewKey[] =
    key === null
      ? []
      : [{ key, fingerprint: 'f', stream: units[0]!.stream, version: 1, count: 1, rejection: null, keepMs: 60_000 }]
  return { slices: units, keys }
}

/** Whoever was not interrupted got an answer, and as many of them won as must. */
function unfair(
  wins: 'all' | 'one' | 'some',
  ended: readonly Awaited<ReturnType<Recorder>>[],
  interrupted: readonly boolean[],
): readonly string[] {
  const through = ended.filter((_, i) => !interrupted[i])
  const won = through.filter(outcomes => outcomes[0] === 'appended').length
  const silent = through.filter(outcomes => typeof outcomes === 'string')
  const most = wins === 'one' ? 1 : through.length
  const least = wins === 'all' ? through.length : wins === 'one' ? Math.min(1, through.length) : 0
  return [
    ...silent.map(reason => `a writer that nobody interrupted was ${reason}`),
    ...(won < least || won > most ? [`${won} of ${through.length} won`] : []),
  ]
}

function titleOf({ order, scene, endings }: Schedule, i: number): string {
  return `schedule ${i} (${order.join('')} on ${scene}, ${endings.join(', ')})`
}
