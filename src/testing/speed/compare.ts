// Whether one version is slower than another, on a machine whose speed drifts. Both are measured in turn, each time in a
// fresh process, so that the two runs of a pair meet the same weather. Only ratios within pairs count.
import { checkOptions, type OptionKinds } from '../../definitions/options.ts'
import type { RunPair } from './interval.ts'
import type { BenchUnit } from './measure-bench.ts'
import { seededRandom } from './random.ts'
import { CompareError } from './refusal.ts'
import { benchFile, runBench } from './run-bench.ts'
import { openSide, type SpeedSide } from './side.ts'
import { median } from './statistics.ts'
import { createLooks, looksOf, PAIRS_MIN, type SpeedLook } from './verdict.ts'

export type CompareOptions = {
  /** The file of the bench, as it is called in both sides. A module whose default export is called and timed. */
  readonly bench: string
  /** By how much a side has to be slower to be called so; a share. Default: 0.05. */
  readonly margin?: number
  /** The pairs of runs at most, at least 10. Default: 40. */
  readonly pairs?: number
  /** How long to measure at most, in seconds. Installing is not counted. Default: 120. */
  readonly seconds?: number
  /** How long a run measures, in milliseconds, besides its warm-up. Default: 500. */
  readonly runMs?: number
  /** What the order within pairs, and the bootstrap, are drawn from. Default: 1. */
  readonly seed?: number
  /** Gets what is known after each pair that is looked at. Default: nobody. */
  readonly onLook?: (look: SpeedLook) => void
}

/** A side as it was measured. `median`: milliseconds, or events a second. */
export type ComparedSide = Pick<SpeedSide, 'name' | 'commit' | 'isDirty'> & { readonly median: number }

/**
 * The verdict on the second side, with the interval of the ratio. 1.1 means that it takes 10 % longer. All looks together
 * call a side slower or faster wrongly, or the same, in one comparison of a hundred at most.
 */
export type SpeedComparison = SpeedLook & {
  readonly bench: string
  readonly margin: number
  readonly seed: number
  readonly unit: BenchUnit
  readonly before: ComparedSide
  readonly after: ComparedSide
}

/**
 * Compares the speed of two versions by a bench that both have. A side is a folder, or a git ref: `git:main`. A ref is
 * checked out in a temporary worktree, installed by its lockfile, and removed at the end, also on SIGINT and SIGTERM.
 * Measures pairs of runs until they tell, or until pairs or time are over; then the verdict is `undecided`. Throws a
 * CompareError if a side or its bench is missing, or if a bench fails.
 *
 * @example
 * expect((await compare('git:main', '.', { bench: 'bench/place.ts' })).verdict).not.toBe('slower')
 */
export async function compare(before: string, after: string, options: CompareOptions): Promise<SpeedComparison> {
  const plan = planOf(options)
  const made: (() => void)[] = []
  const remove = () => {
    for (const each of made.splice(0)) each()
  }
  const stop = new AbortController()
  const release = onSignals(() => {
    stop.abort()
    remove()
  })
  try {
    const sides: SpeedSide[] = []
    for (const name of [before, after]) sides.push(await openSide(name, process.cwd(), each => made.push(each)))
    for (const side of sides) benchFile(side, plan.bench)
    return await measurePairs(sides[0]!, sides[1]!, plan, stop.signal)
  } finally {
    release()
    remove()
  }
}

type Plan = Required<CompareOptions>

function planOf(options: CompareOptions): Plan {
  checkOptions('compare', options, KINDS)
  const plan = { margin: 0.05, pairs: 40, seconds: 120, runMs: 500, seed: 1, onLook: () => {}, ...options }
  const { margin, pairs, seconds, runMs, seed } = plan
  if (!(margin > 0 && margin < 1)) throw new TypeError(`margin: expected a share between 0 and 1; found ${margin}`)
  if (!(Number.isInteger(pairs) && pairs >= PAIRS_MIN))
    throw new TypeError(`pairs: expected a whole number from ${PAIRS_MIN}; found ${pairs}`)
  if (!(seconds > 0)) throw new TypeError(`seconds: expected a number above 0; found ${seconds}`)
  if (!(runMs > 0)) throw new TypeError(`runMs: expected a number above 0; found ${runMs}`)
  if (!Number.isInteger(seed)) throw new TypeError(`seed: expected a whole number; found ${seed}`)
  return plan
}

const KINDS = {
  bench: 'text',
  margin: 'number?',
  pairs: 'number?',
  seconds: 'number?',
  runMs: 'number?',
  seed: 'number?',
  onLook: 'function?',
} satisfies OptionKinds<keyof CompareOptions>

async function measurePairs(before: SpeedSide, after: SpeedSide, plan: Plan, signal: AbortSignal): Promise<SpeedComparison> {
  const { bench, margin, seed, onLook } = plan
  const random = seededRandom(seed)
  const looks = createLooks(margin, plan.pairs, seededRandom(seed))
  const pairs: RunPair[] = []
  const units = new Set<BenchUnit>()
  const run = async (side: SpeedSide) => {
    const { unit, cost } = await runBench(side, bench, plan.runMs, signal)
    units.add(unit)
    if (units.size > 1) throw new CompareError(`${bench} tells a rate in one side and a time in the other`)
    return cost
  }
  const end = performance.now() + plan.seconds * 1_000
  for (;;) {
    pairs.push(await measurePair(run, before, after, random() < 0.5))
    const isLast = pairs.length === plan.pairs || (pairs.length > 1 && performance.now() > end)
    if (!isLast && !looksOf(plan.pairs).includes(pairs.length)) continue
    const look = looks.look(pairs, isLast)
    onLook(look)
    if (look.verdict === 'undecided' && !isLast) continue
    const unit = [...units][0]!
    const shown = (side: SpeedSide, at: 0 | 1) => sideOf(side, median(pairs.map(pair => pair[at])), unit)
    return { ...look, bench, margin, seed, unit, before: shown(before, 0), after: shown(after, 1) }
  }
}

async function measurePair(
  run: (side: SpeedSide) => Promise<number>,
  before: SpeedSide,
  after: SpeedSide,
  isTurned: boolean,
): Promise<RunPair> {
  if (!isTurned) return [await run(before), await run(after)]
  const second = await run(after)
  return [await run(before), second]
}

function sideOf({ name, commit, isDirty }: SpeedSide, cost: number, unit: BenchUnit): ComparedSide {
  return { name, commit, isDirty, median: unit === 'ms' ? cost : 1 / cost }
}

/** Cleans up when the process is told to end, and then lets the signal end it. Gives what takes this back. */
function onSignals(cleanUp: () => void): () => void {
  const ends = (['SIGINT', 'SIGTERM'] as const).map(signal => {
    const end = () => {
      cleanUp()
      release()
      process.kill(process.pid, signal)
    }
    process.on(signal, end)
    return () => process.off(signal, end)
  })
  const release = () => {
    for (const off of ends) off()
  }
  return release
}
