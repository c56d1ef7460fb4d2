import { describe, expect, test } from 'bun:test'
import { byBlockMeans, byLooks, byWelch, type Cell, falseShare, type Rule, tryRule } from './drifting-machine.cases.ts'
import { looksOf } from './verdict.ts'

const TRIALS = 100
const falseOf = (rule: Rule, cell: Cell) => falseShare(cell, tryRule(rule, cell, TRIALS))
const equal: Cell = { kind: 'single', ratio: 1, pairs: 20 }

describe('the verdict on a machine whose speed drifts', () => {
  test('two equal sides are called slower or faster in no trial', () => {
    expect(falseOf(byLooks, equal)).toBe(0)
  })

  test('a side that takes 10 % longer is found, and is never called faster or the same', () => {
    const cell: Cell = { kind: 'sliced', ratio: 1.1, pairs: 40 }
    const shares = tryRule(byLooks, cell, TRIALS)
    expect(shares.slower).toBeGreaterThanOrEqual(0.95)
    expect(falseShare(cell, shares)).toBe(0)
  })

  test.each([
    ['block means', byBlockMeans],
    ["Welch's test of blocks", byWelch],
  ])('a comparison by %s calls equal sides different, which the same trials show', (_, rule) => {
    expect(falseOf(rule, equal)).toBeGreaterThan(0.1)
  })

  test('looks begin at ten pairs, and the last is at all of them', () => {
    expect(looksOf(40)).toEqual([10, 14, 20, 28, 40])
    expect(looksOf(20)).toEqual([10, 14, 20])
    expect(looksOf(10)).toEqual([10])
  })
})
