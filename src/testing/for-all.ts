// A property: something that holds for all values that arbitraries give.
import type { Arbitrary } from './fast-check.ts'
import { fc, requireFastCheck } from './fast-check.ts'
import { requireRun } from './specs/spec.ts'

export type ForAllOptions = {
  /** The seed of the values, as a failure gives it. Default: one by chance. */
  readonly seed?: number
  /** The place of a failure, as its message gives it: it is tried first. Default: all values are tried. */
  readonly path?: string
  /** How many values are tried. Default: 100. */
  readonly runs?: number
}

/** A property did not hold. Its message has the smallest value for which it does not, and how to try that again. */
export class PropertyFailed extends Error {
  override readonly name = 'PropertyFailed'
}

/** A function of values, and what trying it gives: a promise, if the function is async. */
type Held<R> = R extends Promise<unknown> ? Promise<void> : undefined

/**
 * Tries a property with many values. It does not hold where the function gives `false` or throws: then the smallest value
 * of that kind is looked for, and a PropertyFailed is thrown. An `async` function makes it a promise, which has to be
 * awaited: one that is not over at the end of its test fails the test. Throws an Error if fast-check is not installed.
 *
 * @example
 * test('a basket costs nothing or more', () => forAll(any(order.place), ({ items }) => centsOf(items) >= 0))
 */
export function forAll<A, R>(one: Arbitrary<A>, holds: (one: A) => R, options?: ForAllOptions): Held<R>
export function forAll<A, B, R>(
  one: Arbitrary<A>,
  two: Arbitrary<B>,
  holds: (one: A, two: B) => R,
  options?: ForAllOptions,
): Held<R>
export function forAll<A, B, C, R>(
  one: Arbitrary<A>,
  two: Arbitrary<B>,
  three: Arbitrary<C>,
  holds: (one: A, two: B, three: C) => R,
  options?: ForAllOptions,
): Held<R>
export function forAll(...given: readonly unknown[]): Promise<void> | undefined {
  requireFastCheck('forAll')
  const at = given.findIndex(one => typeof one === 'function')
  const holds = given[at] as ((...values: readonly unknown[]) => unknown) | undefined
  if (at < 1 || at > 3 || !holds)
    throw new TypeError('forAll takes one to three arbitraries, and then a function of their values')
  const arbitraries = given.slice(0, at) as readonly Arbitrary<unknown>[]
  const { runs = 100, seed, path } = (given[at + 1] ?? {}) as ForAllOptions
  const parameters = { numRuns: runs, ...(seed !== undefined && { seed }), ...(path !== undefined && { path }) }
  const values = fc.tuple(...arbitraries)
  if (!isAsync(holds))
    return throwFailure(
      fc.check(
        fc.property(values, found => requireValue(holds(...found))),
        parameters,
      ),
    )
  let isOver = false
  requireRun(() => isOver, 'forAll with an async function', 'it was begun and is not over; await it')
  const checking = fc.check(
    fc.asyncProperty(values, async found => (await holds(...found)) !== false),
    parameters,
  )
  return checking.then(throwFailure).finally(() => {
    isOver = true
  })
}

const isAsync = (holds: { readonly constructor: { readonly name: string } }): boolean =>
  holds.constructor.name === 'AsyncFunction'

/** fast-check takes a promise for something that holds. */
function requireValue(found: unknown): boolean {
  if (typeof (found as { then?: unknown } | null | undefined)?.then !== 'function') return found !== false
  Promise.resolve(found).catch(() => {})
  throw new TypeError('the function of forAll gave a promise: write it as an async function, and await forAll')
}

type Checked = {
  readonly failed: boolean
  readonly seed: number
  readonly counterexample: readonly unknown[] | null
  readonly counterexamplePath: string | null
  readonly errorInstance: unknown
  readonly numRuns: number
}

function throwFailure({ failed, seed, counterexample, counterexamplePath, errorInstance, numRuns }: Checked): undefined {
  if (!failed) return undefined
  const [values = []] = (counterexample ?? []) as readonly (readonly unknown[])[]
  const lines = [
    `it does not hold for ${values.map(value => Bun.inspect(value, { depth: 9 })).join(', ')}`,
    ...(errorInstance instanceof Error ? [`it threw ${errorInstance.name}: ${errorInstance.message}`] : []),
    `found with value ${numRuns}; to try it again, add { seed: ${seed}, path: '${counterexamplePath}' } behind the function`,
  ]
  throw new PropertyFailed(lines.join('\n'), { cause: errorInstance })
}
