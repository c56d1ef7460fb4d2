// Numbers within their bounds: mostly small ones, which meet each other, and often those at the bounds.
import type { Arbitrary } from 'fast-check'
import { fc } from '../fast-check.ts'
import { mixValues } from './mix-values.ts'
import type { SchemaCheck } from './schema-def.ts'

/** How far a small whole number is from the least one. */
const SMALL_SPAN = 30
/** How many steps of `multipleOf` a number is from 0, where it has no bound. */
const STEPS_MAX = 1_000_000_000
const FORMAT_BOUNDS: Readonly<Record<string, readonly [number, number]>> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
  float32: [-3.4028234663852886e38, 3.4028234663852886e38],
}

type Bounds<N> = { readonly min?: N; readonly max?: N; readonly minExcluded?: boolean; readonly maxExcluded?: boolean }

/** JSON has no -0. */
export const withoutNegativeZero = (value: number): number => (value === 0 ? 0 : value)

export function numbers(checks: readonly SchemaCheck[]): Arbitrary<number> {
  const format = checks.findLast(check => check.format !== undefined)?.format
  const [least, most] = format === undefined ? [] : (FORMAT_BOUNDS[format] ?? [])
  const bounds = boundsOf<number>([
    ...(least === undefined ? [] : [{ check: 'greater_than', value: least, inclusive: true }]),
    ...(most === undefined ? [] : [{ check: 'less_than', value: most, inclusive: true }]),
    ...checks,
  ])
  const step = checks.find(({ check }) => check === 'multiple_of')?.value
  if (step !== undefined) return multiples(Number(step), bounds)
  return format?.includes('int') ? integers(wholeBounds(bounds)) : doubles(bounds)
}

export function bigIntegers(checks: readonly SchemaCheck[]): Arbitrary<bigint> {
  const { min, max, minExcluded, maxExcluded } = boundsOf<bigint>(checks)
  const low = min === undefined ? undefined : minExcluded ? min + 1n : min
  const high = max === undefined ? undefined : maxExcluded ? max - 1n : max
  return fc.bigInt({ ...(low !== undefined && { min: low }), ...(high !== undefined && { max: high }) })
}

function integers({ min, max }: Bounds<number>): Arbitrary<number> {
  const low = min ?? Number.MIN_SAFE_INTEGER
  const high = max ?? Number.MAX_SAFE_INTEGER
  const near = min ?? Math.min(-9, high)
  const small = fc.integer({ min: near, max: Math.min(high, near + SMALL_SPAN) })
  const edges = [min, max].filter(edge => edge !== undefined).map(edge => fc.integer({ min: edge, max: edge }))
  return mixValues(mixValues(fc.integer({ min: low, max: high }), [small], { every: 1 }), [
    ...edges,
    fc.integer({ min: low, max: high }),
  ])
}

function doubles(bounds: Bounds<number>): Arbitrary<number> {
  const make = (within: Bounds<number>) => fc.double({ noNaN: true, noDefaultInfinity: true, ...within }).map(withoutNegativeZero)
  const { min, max, minExcluded = false, maxExcluded = false } = bounds
  const edges = [minExcluded ? undefined : min, maxExcluded ? undefined : max].filter(edge => edge !== undefined)
  const isInfinite = (edge: number) => !Number.isFinite(edge)
  return mixValues(make(bounds), edges.some(isInfinite) ? [] : edges.map(edge => make({ min: edge, max: edge })))
}

function multiples(step: number, bounds: Bounds<number>): Arbitrary<number> {
  const { min, max } = bounds
  const size = Math.abs(step)
  const least = min === undefined ? -STEPS_MAX : Math.ceil(Number((min / size).toPrecision(12)))
  const most = max === undefined ? STEPS_MAX : Math.floor(Number((max / size).toPrecision(12)))
  const low = bounds.minExcluded && least * size === min ? least + 1 : least
  const high = bounds.maxExcluded && most * size === max ? most - 1 : most
  const counts = integers({ min: clampSafe(low), max: clampSafe(Math.max(low, high)) })
  return counts.map(count => withoutNegativeZero(Number((count * size).toPrecision(15))))
}

/** The bounds of whole numbers, none of which is excluded. */
function wholeBounds({ min, max, minExcluded, maxExcluded }: Bounds<number>): Bounds<number> {
  const least = min === undefined ? undefined : minExcluded ? Math.floor(min) + 1 : Math.ceil(min)
  const most = max === undefined ? undefined : maxExcluded ? Math.ceil(max) - 1 : Math.floor(max)
  return { ...(least !== undefined && { min: clampSafe(least) }), ...(most !== undefined && { max: clampSafe(most) }) }
}
const clampSafe = (value: number): number => Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, value))

/** The tightest bounds of all checks. */
function boundsOf<N extends number | bigint>(checks: readonly SchemaCheck[]): Bounds<N> {
  let found: Bounds<N> = {}
  for (const { check, value, inclusive } of checks) {
    // A check of a number has a number, and one of a bigint a bigint.
    const limit = value as N
    const isTighter = (than: N | undefined, isMin: boolean) =>
      than === undefined || (isMin ? limit > than : limit < than) || (limit === than && !inclusive)
    if (check === 'greater_than' && isTighter(found.min, true)) found = { ...found, min: limit, minExcluded: !inclusive }
    if (check === 'less_than' && isTighter(found.max, false)) found = { ...found, max: limit, maxExcluded: !inclusive }
  }
  return found
}
