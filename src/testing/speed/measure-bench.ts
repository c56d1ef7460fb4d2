// A bench is a module. What stands at its top level prepares it and is not measured.
import { median } from './statistics.ts'

/** What a bench may tell instead of being timed: events a second, or milliseconds. */
export type BenchFigure = { readonly perSecond: number } | { readonly ms: number }

export type BenchUnit = 'a second' | 'ms'
/** The median of the slices. `cost` is in milliseconds, and in seconds for one event if the bench tells a rate. */
export type BenchResult = { readonly unit: BenchUnit; readonly cost: number }

type Act = () => unknown
type Slice = { readonly unit: BenchUnit; readonly cost: number }

const SLICES = 5
/** The share of the time that warms up. */
const WARM_UP = 0.25

/**
 * Calls the default export of a bench for `ms` milliseconds after a warm-up, in five slices. Then calls its `close`, if it
 * has one. Throws a TypeError if the module is no bench.
 */
export async function measureBench(module: Readonly<Record<string, unknown>>, ms: number): Promise<BenchResult> {
  const { default: act, close } = module
  if (typeof act !== 'function') throw new TypeError('the bench has no default export that is a function')
  const calls = await warmUp(act as Act, ms)
  const slices: Slice[] = []
  for (let i = 0; i < SLICES; i++) slices.push(await measureSlice(act as Act, calls))
  if (typeof close === 'function') await close()
  const unit = slices[0]!.unit
  if (slices.some(slice => slice.unit !== unit)) throw new TypeError('the bench told a rate and was timed in one run')
  return { unit, cost: median(slices.map(({ cost }) => cost)) }
}

/** Gives the number of calls of a slice. */
async function warmUp(act: Act, ms: number): Promise<number> {
  const start = performance.now()
  let calls = 0
  do {
    await act()
    calls++
  } while (performance.now() - start < ms * WARM_UP)
  return Math.max(1, Math.round((calls * ms) / SLICES / (performance.now() - start)))
}

async function measureSlice(act: Act, calls: number): Promise<Slice> {
  const figures: Slice[] = []
  const start = performance.now()
  for (let i = 0; i < calls; i++) {
    const answer = act()
    const figure = figureOf(answer instanceof Promise ? await answer : answer)
    if (figure) figures.push(figure)
  }
  const ms = (performance.now() - start) / calls
  if (figures.length === 0) return { unit: 'ms', cost: ms }
  return { unit: figures[0]!.unit, cost: median(figures.map(({ cost }) => cost)) }
}

function figureOf(answer: unknown): Slice | null {
  if (typeof answer !== 'object' || answer === null) return null
  if ('perSecond' in answer) return { unit: 'a second', cost: 1 / positive(answer.perSecond, 'perSecond') }
  return 'ms' in answer ? { unit: 'ms', cost: positive(answer.ms, 'ms') } : null
}

function positive(value: unknown, name: string): number {
  if (typeof value === 'number' && value > 0 && Number.isFinite(value)) return value
  throw new TypeError(`the bench gave ${name} ${String(value)}; expected a number above 0`)
}
