// One cell's measurement: limit, contestants in random order, limit; several times over. So that all meet the same weather.
import postgres from 'postgres'
import type { Arena, Contestant, Entrant, Extra, Latency, Sample } from './contestant.ts'
import { median, shuffled, spread } from './measure/statistics.ts'

export type Plan = {
  readonly warmUpMs: number
  readonly repetitions: number
  /** How long one measurement takes, in ms. */
  readonly sliceMs: number
  readonly settleMs: number
}

/** What came of one contestant: medians over the repetitions. */
export type Measured = {
  readonly system: string
  readonly value: number
  readonly spread: number
  readonly p50Ms: number | null
  readonly p99Ms: number | null
  readonly appUs: number | null
  readonly serverUs: number | null
  readonly note: string
  readonly extras: readonly Extra[]
  /** What is wrong with what it stored; null: nothing. */
  readonly wrong: string | null
  /** Why it could not be measured. */
  readonly failed: string | null
}

export type Duel = { readonly limit: Measured; readonly noisy: boolean; readonly others: readonly Measured[] }

/** Limits that differ by more than this share, before and after, mark a row as noisy. */
const NOISY = 0.1
/** Latencies are taken at this share of the rate at saturation. */
const PACE = 0.5

/** Measures a limit and those who are held against it. All are open at once, each with a database of its own. */
export async function duel(arena: Arena, plan: Plan, limit: Contestant, contestants: readonly Contestant[]): Promise<Duel> {
  const bar = await enter(arena, limit, false)
  const others: Side[] = []
  for (const contestant of contestants) others.push(await enter(arena, contestant, true))
  await settle(arena, plan)
  for (const side of [bar, ...others]) await side.try(entrant => entrant.run(plan.warmUpMs))
  const limits: { before: number; after: number }[] = []
  for (let i = 0; i < plan.repetitions; i++) {
    const before = await bar.measure(plan)
    for (const side of shuffled(others)) await side.measure(plan)
    const after = await bar.measure(plan)
    limits.push({ before, after })
  }
  const noisy = apart(median(limits.map(({ before }) => before)), median(limits.map(({ after }) => after)))
  const left: Measured[] = []
  for (const side of [bar, ...others]) left.push(await side.leave())
  const [ofLimit, ...ofOthers] = left as [Measured, ...Measured[]]
  return { limit: ofLimit, noisy, others: ofOthers }
}

/** Measures a limit by itself. */
export async function solo(arena: Arena, plan: Plan, limit: Contestant): Promise<Measured> {
  const side = await enter(arena, limit, false)
  await settle(arena, plan)
  await side.try(entrant => entrant.run(plan.warmUpMs))
  for (let i = 0; i < plan.repetitions; i++) await side.measure(plan)
  return side.leave()
}

function apart(before: number, after: number): boolean {
  return Math.abs(before - after) > NOISY * Math.min(before, after)
}

async function settle({ server }: Arena, { settleMs }: Plan): Promise<void> {
  const sql = postgres(server.url, { max: 1 })
  await sql`checkpoint`
  await sql.end()
  await Bun.sleep(settleMs)
}

/** One side of a duel. A rival that cannot go on is left out; what stops it is said in its row. */
class Side {
  readonly #system: string
  readonly #entrant: Entrant | null
  #failed: string | null
  readonly #paced: boolean
  readonly #samples: Sample[] = []
  readonly #latencies: Latency[] = []

  constructor(system: string, entrant: Entrant | null, failed: string | null, paced: boolean) {
    this.#system = system
    this.#entrant = entrant
    this.#failed = failed
    this.#paced = paced && entrant?.pace !== undefined
  }

  async try<T>(use: (entrant: Entrant) => Promise<T>): Promise<T | null> {
    if (!this.#entrant || this.#failed !== null) return null
    try {
      return await use(this.#entrant)
    } catch (error) {
      this.#failed = oneLine(error)
      return null
    }
  }

  /** Gives the value; a contestant with an open loop gets a third of the time for it. */
  async measure({ sliceMs }: Plan): Promise<number> {
    const paced = this.#paced
    const sample = await this.try(entrant => entrant.run(paced ? (sliceMs * 2) / 3 : sliceMs))
    if (!sample) return 0
    this.#samples.push(sample)
    const latency = paced && (await this.try(entrant => entrant.pace!(sample.value * PACE, sliceMs / 3)))
    this.#latencies.push(latency || sample)
    return sample.value
  }

  async leave(): Promise<Measured> {
    const wrong = await this.try(entrant => entrant.check())
    const note = this.#entrant?.note?.() ?? ''
    await this.#entrant?.close().catch(() => {})
    const of = (pick: (sample: Sample) => number | null) => known(this.#samples.map(pick))
    const values = this.#samples.map(({ value }) => value)
    return {
      system: this.#system,
      value: median(values),
      spread: spread(values),
      p50Ms: known(this.#latencies.map(({ p50Ms }) => p50Ms)),
      p99Ms: known(this.#latencies.map(({ p99Ms }) => p99Ms)),
      appUs: of(({ appUs }) => appUs),
      serverUs: of(({ serverUs }) => serverUs),
      note,
      extras: this.#entrant?.extras?.() ?? [],
      wrong,
      failed: this.#failed,
    }
  }
}

async function enter(arena: Arena, { system, open }: Contestant, paced: boolean): Promise<Side> {
  try {
    return new Side(system, await open(arena), null, paced)
  } catch (error) {
    return new Side(system, null, oneLine(error), paced)
  }
}

function known(values: readonly (number | null)[]): number | null {
  const there = values.filter(value => value !== null)
  return there.length ? median(there) : null
}

function oneLine(error: unknown): string {
  return String(error).replaceAll(/\s+/g, ' ').slice(0, 160)
}
