// A simulated machine whose speed drifts and jumps, as beside neighbours, and the rules that are tried on it.
import type { RunPair } from './interval.ts'
import { seededRandom } from './random.ts'
import { mean, median, variance } from './statistics.ts'
import { createLooks, looksOf, type SpeedVerdict } from './verdict.ts'

/** `single`: a run is one measurement. `sliced`: a run is the median of five, as `compare` takes it. */
export type RunKind = 'single' | 'sliced'
export type Cell = { readonly kind: RunKind; readonly ratio: number; readonly pairs: number }
type Found = { readonly verdict: SpeedVerdict; readonly pairs: number }
export type Rule = (drawn: Drawn, pairs: number, random: () => number) => Found
/** The share of each verdict, and after how many pairs it came, on average. */
export type Shares = Readonly<Record<SpeedVerdict | 'pairs', number>>

/** Runs in interleaved pairs, and the same number of runs in a block for each side. */
type Drawn = {
  readonly pairs: readonly RunPair[]
  readonly blocks: { readonly before: readonly number[]; readonly after: readonly number[] }
}

const MARGIN = 0.05
/** Standard deviations of logarithms. */
const NOISE = 0.03
const DRIFT = 0.01
const JUMP = 0.15
const JUMP_CHANCE = 0.02
/** What a process has of its own, such as where its memory lies. */
const PROCESS_NOISE = 0.02
const HIT_CHANCE = 0.05
const SETTLE_RUNS = 50

/** How often each verdict came, over trials from one seed. */
export function tryRule(rule: Rule, cell: Cell, trials: number, seed = 7): Shares {
  const random = seededRandom(seed)
  const counts = { slower: 0, faster: 0, same: 0, undecided: 0 }
  let sum = 0
  for (let i = 0; i < trials; i++) {
    const { verdict, pairs } = rule(draw(cell, random), cell.pairs, random)
    counts[verdict]++
    sum += pairs
  }
  const [slower, faster, same] = [counts.slower / trials, counts.faster / trials, counts.same / trials]
  return { slower, faster, same, undecided: counts.undecided / trials, pairs: sum / trials }
}

function draw({ kind, ratio, pairs }: Cell, random: () => number): Drawn {
  const run = machine(kind, random)
  for (let i = 0; i < SETTLE_RUNS; i++) run(1)
  const block = (factor: number) => Array.from({ length: pairs }, () => run(factor))
  const blocks = { before: block(1), after: block(ratio) }
  const pair = (): RunPair => {
    if (random() < 0.5) return [run(1), run(ratio)]
    const after = run(ratio)
    return [run(1), after]
  }
  return { pairs: Array.from({ length: pairs }, pair), blocks }
}

function machine(kind: RunKind, random: () => number): (factor: number) => number {
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  let level = 0
  const measure = () => Math.exp(NOISE * normal()) * (random() < HIT_CHANCE ? 1.2 + 0.3 * random() : 1)
  return factor => {
    level = (level + DRIFT * normal() + (random() < JUMP_CHANCE ? JUMP * normal() : 0)) * 0.995
    if (kind === 'single') return factor * Math.exp(level) * measure()
    return factor * Math.exp(level + PROCESS_NOISE * normal()) * median(Array.from({ length: 5 }, measure))
  }
}

/** The rule of `compare`. */
export const byLooks: Rule = ({ pairs }, most, random) => {
  const looks = createLooks(MARGIN, most, random)
  for (const many of looksOf(most)) {
    const look = looks.look(pairs.slice(0, many), many === most)
    if (look.verdict !== 'undecided') return look
  }
  return { verdict: 'undecided', pairs: most }
}

/** Planted: the same, but each look spends all of the error. */
export const byGreedyLooks: Rule = ({ pairs }, most, random) => {
  for (const many of looksOf(most)) {
    const look = createLooks(MARGIN, most, random).look(pairs.slice(0, many), true)
    if (look.verdict !== 'undecided') return look
  }
  return { verdict: 'undecided', pairs: most }
}

/** Planted: the mean of a block of runs against the mean of another block. */
export const byBlockMeans: Rule = ({ blocks: { before, after } }, pairs) => {
  const ratio = mean(after) / mean(before)
  if (ratio > 1 + MARGIN) return { verdict: 'slower', pairs }
  return { verdict: ratio < 1 / (1 + MARGIN) ? 'faster' : 'same', pairs }
}

/** Planted: Welch's test of the two blocks, at 1 %. */
export const byWelch: Rule = ({ blocks: { before, after } }, pairs) => {
  const error = Math.sqrt(variance(before) / before.length + variance(after) / after.length)
  const t = (mean(after) - mean(before)) / error
  if (t > 2.6) return { verdict: 'slower', pairs }
  return { verdict: t < -2.6 ? 'faster' : 'same', pairs }
}

/** The share of verdicts that are wrong: the true ratio is 1, or just the margin, where nothing may be said. */
export function falseShare({ ratio }: Cell, { slower, faster, same }: Shares): number {
  if (ratio === 1) return slower + faster
  return ratio === 1 + MARGIN ? slower + faster + same : same + (ratio > 1 ? faster : slower)
}
