import { describe, expect, test } from 'bun:test'
import type fc from 'fast-check'
import { z } from 'zod'
import { any } from './arbitraries/any.ts'
import { forAll, PropertyFailed } from './for-all.ts'

const count = any(z.int().min(0).max(1_000))

function failureOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    return error instanceof PropertyFailed ? error.message : `another error: ${String(error)}`
  }
  return 'none'
}

describe('forAll', () => {
  test('a property that holds passes, with one arbitrary and with several', () => {
    forAll(count, n => n >= 0)
    forAll(count, count, any(z.boolean()), (one, other, isSum) => (isSum ? one + other : one) >= 0)
  })

  test('a function that returns nothing and does not throw holds', () => {
    forAll(count, n => expect(n).toBeNumber())
  })

  test('the smallest value for which it does not hold is told, with what tries it again', () => {
    const message = failureOf(() => forAll(count, n => n < 37))
    expect(message).toStartWith('it does not hold for 37\n')
    const [, seed, path] = /\{ seed: (-?\d+), path: '([\d:]+)' \}/.exec(message)!
    const tried: number[] = []
    const again = failureOf(() => forAll(count, n => tried.push(n) > 0 && n < 37, { seed: Number(seed), path: path! }))
    expect(again).toStartWith('it does not hold for 37\n')
    expect(tried[0]).toBe(37)
  })

  test('what the function throws is told, and is the cause', () => {
    const thrown = new RangeError('too many')
    const fail = () =>
      forAll(count, n => {
        if (n > 5) throw thrown
      })
    expect(failureOf(fail)).toContain('it does not hold for 6\nit threw RangeError: too many\n')
  })

  test('the values that are tried are as many as asked for, and the same by their seed', () => {
    const valuesBy = (seed: number) => {
      const tried: number[] = []
      forAll(count, n => void tried.push(n), { seed, runs: 12 })
      return tried
    }
    expect(valuesBy(4)).toHaveLength(12)
    expect(valuesBy(4)).toEqual(valuesBy(4))
  })

  test('a function that is not async and gives a promise fails, also where the promise holds', () => {
    const holds = ((n: number) => Promise.resolve(n >= 0)) as unknown as (n: number) => boolean
    expect(failureOf(() => forAll(count, holds))).toContain('gave a promise: write it as an async function, and await forAll')
  })

  test('an async function is awaited, and fails as another one does', async () => {
    await forAll(count, async n => n >= 0)
    const failing = forAll(count, async n => n < 37)
    expect(failing).rejects.toThrow('it does not hold for 37')
    await failing.catch(() => {})
  })

  test('a call without an arbitrary, or without a function, is refused', () => {
    expect(() => forAll(...([() => true] as unknown as [fc.Arbitrary<number>, (n: number) => boolean]))).toThrow(
      'one to three arbitraries',
    )
    expect(() => forAll(...([count] as unknown as [fc.Arbitrary<number>, (n: number) => boolean]))).toThrow(
      'one to three arbitraries',
    )
  })
})
