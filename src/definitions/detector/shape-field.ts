// Compares a field in a window of events with its past: how often it is there, new values of few, and how high numbers are.
import type { Seen } from './shape-paths.ts'

/** How a field has changed. Effects are from 0 to 1. */
export type ShapeChange =
  /** It is there more or less often: its share of the events. */
  | { readonly change: 'presence'; readonly effect: number; readonly usual: number; readonly seen: number }
  /** Values that never were, by their hashes: the share of the events that were expected to have one, and that have one. */
  | {
      readonly change: 'values'
      readonly effect: number
      readonly usual: number
      readonly seen: number
      readonly hashes: readonly string[]
    }
  /** Numbers are higher or lower: the quantiles of 10, 50 and 90 %. The effect is Cliff's delta. */
  | {
      readonly change: 'numbers'
      readonly effect: number
      readonly usual: readonly number[]
      readonly seen: readonly number[]
    }

/** The past of a field. */
export type FieldPast = {
  /** How many windows it has. */
  readonly windows: number
  /** The share of events that have the field, by window. */
  readonly presence: Usual
  /** How much higher the numbers of a window were than those before, as Cliff's delta. */
  readonly delta: Usual
  /** Some numbers of the last windows. */
  readonly numbers: readonly number[]
  /** How often each text came, by its hash. Null: there are more than few. */
  readonly texts: Readonly<Record<string, number>> | null
}

/** The mean and the variance of what each window gave; the last windows count most. */
type Usual = { readonly count: number; readonly mean: number; readonly variance: number }

/** A field learns so many windows before it is compared. */
const LEARNED_WINDOWS = 8
/** So many standard deviations are a change, if the effect is not small. */
const DEVIATIONS = 5
const LEARNED_DEVIATIONS = 2
const EFFECT_MIN = 0.1
/** New values are a change if so many are less probable than this in a window, by the mass that Good and Turing leave. */
const PROBABLE_MIN = 1e-4
/** A field with more texts has no list of them. */
const TEXTS_MAX = 12
/** Fewer numbers in a window say nothing. */
const NUMBERS_MIN = 5
/** What the past remembers. */
const WINDOWS_REMEMBERED = 64
const NUMBERS_MAX = 160
const NUMBERS_OF_WINDOW = 8

const NOTHING_USUAL: Usual = { count: 0, mean: 0, variance: 0 }
export const NO_PAST: FieldPast = {
  ...{ windows: 0, presence: NOTHING_USUAL, delta: NOTHING_USUAL, numbers: [], texts: {} },
}

/** The change with the greatest effect. Null: the window is as usual, or the past is too short. */
export function compareField(past: FieldPast, seen: readonly Seen[]): ShapeChange | null {
  if (past.windows < LEARNED_WINDOWS) return null
  const changes = [comparePresence(past, seen), compareValues(past, seen), compareNumbers(past, seen)]
  const [greatest = null] = changes.filter(one => one !== null).toSorted((one, other) => other.effect - one.effect)
  return greatest
}

export function learnField(past: FieldPast, seen: readonly Seen[]): FieldPast {
  const numbers = numbersOf(seen)
  const hasDelta = numbers.length > 0 && past.numbers.length > 0
  return {
    windows: past.windows + 1,
    presence: learn(past.presence, shareOf(seen)),
    delta: hasDelta ? learnNear(past.delta, deltaOf(numbers, past.numbers), chanceOf(numbers, past.numbers)) : past.delta,
    numbers: [...past.numbers, ...spread(numbers)].slice(-NUMBERS_MAX),
    texts: past.texts && countTexts(past.texts, seen),
  }
}

function comparePresence({ presence, windows }: FieldPast, seen: readonly Seen[]): ShapeChange | null {
  const share = shareOf(seen)
  const effect = Math.abs(share - presence.mean)
  // Never so sure as if a share of 0 or 1 had no variance.
  const smoothed = (presence.mean * windows * seen.length + 1) / (windows * seen.length + 2)
  const chance = (smoothed * (1 - smoothed)) / seen.length
  return isFar(effect, presence, chance) ? { change: 'presence', effect, usual: presence.mean, seen: share } : null
}

function compareValues({ texts }: FieldPast, seen: readonly Seen[]): ShapeChange | null {
  if (texts === null) return null
  const isNew = (value: number | string): value is string => typeof value === 'string' && !Object.hasOwn(texts, value)
  const found = seen.filter(values => values?.some(isNew)).length
  const counts = Object.values(texts)
  const count = counts.reduce((sum, one) => sum + one, 0)
  if (found === 0 || count === 0) return null
  const unseen = (counts.filter(one => one === 1).length + 1) / (count + 1)
  if (probabilityOf(found, seen.length, unseen) >= PROBABLE_MIN) return null
  const hashes = [...new Set(seen.flatMap(values => (values ?? []).filter(isNew)))]
  return { change: 'values', effect: found / seen.length, usual: unseen, seen: found / seen.length, hashes }
}

function compareNumbers(past: FieldPast, seen: readonly Seen[]): ShapeChange | null {
  const numbers = numbersOf(seen)
  if (numbers.length < NUMBERS_MIN || past.numbers.length < NUMBERS_MIN * LEARNED_WINDOWS) return null
  const delta = deltaOf(numbers, past.numbers)
  const far = Math.abs(delta - past.delta.mean)
  if (!isFar(far, past.delta, chanceOf(numbers, past.numbers)) || Math.abs(delta) < EFFECT_MIN) return null
  return { change: 'numbers', effect: Math.abs(delta), usual: quantiles(past.numbers), seen: quantiles(numbers) }
}

/** Whether a window is far from what windows are: by their variance, or by that of chance if it is greater. */
function isFar(distance: number, { variance }: Usual, chance: number): boolean {
  return distance >= EFFECT_MIN && distance >= DEVIATIONS * Math.sqrt(Math.max(variance, chance))
}

/** A window that is far from the others, and no change yet, counts as one that is less far. */
function learnNear(usual: Usual, value: number, chance: number): Usual {
  const most = LEARNED_DEVIATIONS * Math.sqrt(Math.max(usual.variance, chance))
  return learn(usual, Math.max(usual.mean - most, Math.min(usual.mean + most, value)))
}

function learn({ count, mean, variance }: Usual, value: number): Usual {
  const weight = 1 / Math.min(count + 1, WINDOWS_REMEMBERED)
  const next = mean + (value - mean) * weight
  return { count: count + 1, mean: next, variance: variance + ((value - mean) * (value - next) - variance) * weight }
}

function countTexts(texts: Readonly<Record<string, number>>, seen: readonly Seen[]): FieldPast['texts'] {
  const counts: Record<string, number> = { ...texts }
  for (const value of seen.flatMap(values => values ?? []))
    if (typeof value === 'string') counts[value] = (counts[value] ?? 0) + 1
  return Object.keys(counts).length > TEXTS_MAX ? null : counts
}

/** The probability of so many or more of a window, where each has a probability of its own. */
function probabilityOf(found: number, of: number, each: number): number {
  let term = (1 - each) ** of
  let fewer = 0
  for (let k = 0; k < found; k++) {
    fewer += term
    term *= ((of - k) / (k + 1)) * (each / (1 - each))
  }
  return 1 - fewer
}

/** Cliff's delta: how much more often a number is higher than one of the past than lower. From -1 to 1. */
function deltaOf(numbers: readonly number[], past: readonly number[]): number {
  const sorted = Float64Array.from(past).sort()
  const sum = numbers.reduce((sum, one) => sum + placeOf(sorted, one, false) + placeOf(sorted, one, true) - sorted.length, 0)
  return sum / (numbers.length * sorted.length)
}

/** How many numbers are lower than one, or with `orEqual` not higher. */
function placeOf(sorted: Float64Array, one: number, orEqual: boolean): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (sorted[middle]! < one || (orEqual && sorted[middle] === one)) low = middle + 1
    else high = middle
  }
  return low
}

/** The variance of Cliff's delta by chance. */
function chanceOf({ length: few }: readonly number[], { length: many }: readonly number[]): number {
  return (few + many + 1) / (3 * few * many)
}

function quantiles(numbers: readonly number[]): readonly number[] {
  const sorted = numbers.toSorted((one, other) => one - other)
  return [0.1, 0.5, 0.9].map(share => sorted[Math.round(share * (sorted.length - 1))]!)
}

const shareOf = (seen: readonly Seen[]) => seen.filter(values => values !== null).length / seen.length
const numbersOf = (seen: readonly Seen[]) => seen.flatMap(values => (values ?? []).filter(value => typeof value === 'number'))

/** A few numbers of a window, from its begin to its end. */
function spread(numbers: readonly number[]): readonly number[] {
  const step = Math.max(1, Math.floor(numbers.length / NUMBERS_OF_WINDOW))
  return numbers.filter((_, i) => i % step === 0).slice(0, NUMBERS_OF_WINDOW)
}
