// The rule of `compare` on a simulated machine, beside rules that are often used, as a printed table.
import { describe, expect, test } from 'bun:test'
import {
  byBlockMeans,
  byGreedyLooks,
  byLooks,
  byWelch,
  type Cell,
  falseShare,
  type Rule,
  type RunKind,
  tryRule,
} from './drifting-machine.cases.ts'

const TRIALS = 1_000
const FALSE_MAX = 0.01
const RULES: Readonly<Record<string, Rule>> = {
  looks: byLooks,
  'greedy looks': byGreedyLooks,
  'block means': byBlockMeans,
  Welch: byWelch,
}
const kinds: readonly RunKind[] = ['single', 'sliced']
const cells: readonly Cell[] = kinds.flatMap(kind =>
  [20, 40].flatMap(pairs => [1, 1.05, 1.1, 1.2, 1.5].map(ratio => ({ kind, pairs, ratio }))),
)
const percent = (share: number) => `${(share * 100).toFixed(1)} %`.padStart(8)

const found = cells.map(cell => ({
  cell,
  shares: Object.fromEntries(Object.entries(RULES).map(([name, rule]) => [name, tryRule(rule, cell, TRIALS)])),
}))
for (const { cell, shares } of found) {
  const { kind, pairs, ratio } = cell
  const { slower, same, undecided } = shares['looks']!
  const others = Object.keys(RULES).map(name => `${name} ${percent(falseShare(cell, shares[name]!))}`)
  const verdicts = `slower ${percent(slower)}, same ${percent(same)}, undecided ${percent(undecided)}, after ${shares['looks']!.pairs.toFixed(1)}`
  console.log(`${kind} ${pairs} pairs, true ratio ${ratio.toFixed(2)}: ${verdicts}; false by ${others.join(', ')}`)
}

describe(`of ${TRIALS} trials on a machine whose speed drifts`, () => {
  for (const { cell, shares } of found) {
    const title = `${cell.pairs} pairs of ${cell.kind} runs, true ratio ${cell.ratio}`
    test(`${title}: at most 1 % get a false verdict`, () => {
      expect(falseShare(cell, shares['looks']!)).toBeLessThanOrEqual(FALSE_MAX)
    })
  }

  const found10 = (kind: RunKind, pairs: number) =>
    found.find(({ cell }) => cell.kind === kind && cell.pairs === pairs && cell.ratio === 1.1)!.shares['looks']!

  test('a side that takes 10 % longer is found in 95 %, after 20 pairs on average and 40 at most', () => {
    expect(found10('sliced', 40).slower).toBeGreaterThanOrEqual(0.95)
    expect(found10('sliced', 40).pairs).toBeLessThanOrEqual(20)
  })

  test('a side that takes 10 % longer is found in 95 % with 40 pairs where a run is one measurement', () => {
    expect(found10('single', 40).slower).toBeGreaterThanOrEqual(0.95)
  })

  const worst = (name: string, ratio: number) =>
    Math.max(...found.filter(({ cell }) => cell.ratio === ratio).map(({ cell, shares }) => falseShare(cell, shares[name]!)))

  test.each(['block means', 'Welch'])('%s call equal sides different in more than a fifth', name => {
    expect(worst(name, 1)).toBeGreaterThan(0.2)
  })

  test('looks that each spend all of the error give more false verdicts than 1 % at the margin', () => {
    expect(worst('greedy looks', 1.05)).toBeGreaterThan(FALSE_MAX)
  })
})
