// A process that appends through the port as wildly as it can: hot streams and cold, one stream and two, with keys and without, and
// now and then something that the store has to roll back when its positions are drawn.
import type { Expectation, NewKey, Slice, Unit } from '../../../ports/store/unit.ts'
import { postgres } from '../store.ts'
import type { Attempt } from './history.ts'
import { UNHURRIED } from './patience.ts'
import { type Random, random } from './random.ts'
import { BAD_ID, recorder, tokenEvent } from './recorder.ts'
import type { Work } from './writers.ts'

export type Appending = {
  readonly kind: 'append'
  readonly who: string
  readonly url: string
  readonly schema: string
  readonly seed: string
  /** How many units to append, by how many callers at once, through how many stores. */
  readonly units: number
  readonly callers: number
  readonly stores: number
  /** Whether it tells of each attempt before it makes it, as it may be killed. */
  readonly mortal?: boolean
  /** How often a call holds something that the store has to refuse. Default: one in ten. */
  readonly spoils?: number
  /** How long each caller pauses at most between two appends, in ms. Default: not at all. */
  readonly paceMs?: number
}

const UNITS_MAX = 12
const EVENTS_MAX = 3
const HOT_STREAMS = 4
const COLD_STREAMS = 2_000
const KEYS = 300

export const append: Work<Appending> = async (job, write, ready) => {
  const stores = Array.from({ length: job.stores }, () =>
    postgres(job.url, { schema: job.schema, migrate: false, pooler: false, readers: 1, ...UNHURRIED }),
  )
  await Promise.all(stores.map(store => store.open()))
  await ready()
  const versions = new Map<string, number>()
  const choices = random(job.seed)
  const next = maker(job, choices, versions)
  let turn = 0
  const tell = (attempt: Attempt) => {
    learn(versions, attempt)
    write(attempt)
  }
  const record = recorder({ append: units => stores[turn++ % stores.length]!.append(units) }, job.who, tell, job.mortal)
  let left = job.units
  async function caller(): Promise<void> {
    while (left > 0) {
      const units = next(Math.min(left, UNITS_MAX))
      left -= units.length
      await record(units)
      if (job.paceMs) await Bun.sleep(choices.below(job.paceMs))
    }
  }
  await Promise.all(Array.from({ length: job.callers }, caller))
  await Promise.all(stores.map(store => store.close()))
}

/** Where streams are, as far as this process was told: the next exact expectations. */
function learn(versions: Map<string, number>, { slices, committed, conflicts }: Attempt): void {
  const known = [
    ...committed.map(({ version }, i) => [slices[i]!.stream, version] as const),
    ...conflicts.map(c => [c.stream, c.actual] as const),
  ]
  for (const [stream, version] of known) versions.set(stream, Math.max(version, versions.get(stream) ?? 0))
}

/** Makes the units of one append. No two of them share a stream. */
function maker(
  { who, spoils = 0.1 }: Appending,
  random: Random,
  versions: ReadonlyMap<string, number>,
): (most: number) => readonly Unit[] {
  let attempted = 0

  function slice(taken: Set<string>): Slice {
    const stream = random.chance(0.2) ? `hot-${random.below(HOT_STREAMS)}` : `cold-${random.below(COLD_STREAMS)}`
    if (taken.has(stream)) return slice(taken)
    taken.add(stream)
    const name = `${who}.${attempted++}`
    const events = Array.from({ length: 1 + random.below(EVENTS_MAX) }, (_, i) => tokenEvent(`${name}.${i}`))
    return { stream, expect: expectation(stream), events }
  }

  function expectation(stream: string): Expectation {
    if (random.chance(0.4)) return 'any'
    return random.chance(0.1) ? 'exists' : (versions.get(stream) ?? 0)
  }

  function unit(taken: Set<string>): Unit {
    const slices = random.chance(0.2) ? [slice(taken), slice(taken)] : [slice(taken)]
    const { stream, expect, events } = slices[0]!
    const isKeyed = random.chance(0.1) && typeof expect === 'number'
    const key = (expect: number): NewKey => ({
      key: `key-${random.below(KEYS)}`,
      fingerprint: 'f',
      stream,
      version: expect + events.length,
      count: events.length,
      rejection: null,
      keepMs: 600_000,
    })
    return { slices, keys: isKeyed ? [key(expect)] : [] }
  }

  return most => {
    const taken = new Set<string>()
    const units = Array.from({ length: 1 + random.below(most) }, () => unit(taken))
    const distinct = units.filter(
      ({ keys }, i) => units.findIndex(other => other.keys[0]?.key === keys[0]?.key) === i || !keys.length,
    )
    return random.chance(spoils) ? spoilOneUnit(distinct, random) : distinct
  }
}

function spoilOneUnit(units: readonly Unit[], random: Random): readonly Unit[] {
  const at = random.below(units.length)
  return units.map((unit, i) =>
    i === at
      ? {
          ...unit,
          slices: unit.slices.map(slice => ({ ...slice, events: slice.events.map(event => ({ ...event, id: BAD_ID })) })),
        }
      : unit,
  )
}
