// From an append's acknowledgement until what it changed shows, in an open loop at half of what can be sustained.
import { closedLoop } from './closed-loop.ts'
import { Latencies } from './latencies.ts'
import { openLoop } from './open-loop.ts'

/** Who appends, and shows what was appended. */
export type Showing = {
  /** Appends one event; resolves to its name once it is acknowledged. */
  readonly append: () => Promise<string>
  /** Calls back for what shows from now on, by the names that `append` gives, in whatever order. */
  readonly onShown: (shown: (name: string) => void) => void
}

export type Lag = {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** Appends a second. */
  readonly rate: number
  readonly events: number
  /** Acknowledged, and not shown when nothing more came. */
  readonly missing: number
}

const CALLERS = 64
/** Of what appending and showing together can sustain. */
const LOAD = 0.5
/** Nothing more is taken to come after so long. Emmett sleeps up to 1 s. */
const QUIET_MS = 2_500

/** `while_` is what else goes on while lag is measured; it ends when the last append was acknowledged, and before all have to show. */
export async function lagOf(
  { append, onShown }: Showing,
  { saturateMs, ms }: { readonly saturateMs: number; readonly ms: number },
  while_: () => Promise<() => Promise<void>> = async () => async () => {},
): Promise<Lag> {
  const waiting = new Map<string, number>()
  const early = new Set<string>()
  let lags = new Latencies()
  let lastAt = performance.now()
  onShown(name => {
    const acknowledged = waiting.get(name)
    lastAt = performance.now()
    if (acknowledged === undefined) return early.add(name)
    waiting.delete(name)
    return lags.add(lastAt - acknowledged)
  })
  const act = async () => {
    const name = await append()
    if (early.delete(name)) lags.add(0)
    else waiting.set(name, performance.now())
  }
  const shown = async () => {
    while (waiting.size && performance.now() - lastAt < QUIET_MS) await Bun.sleep(1)
  }
  const start = performance.now()
  await closedLoop({ act, callers: CALLERS, events: 1, postmaster: null }, saturateMs)
  lastAt = performance.now()
  await shown()
  const rate = (LOAD * lags.count * 1_000) / (lastAt - start)
  let missing = waiting.size
  waiting.clear()
  lags = new Latencies()
  const end = await while_()
  await openLoop({ act, callers: 0, events: 1, postmaster: null }, rate, ms)
  await end()
  lastAt = performance.now()
  await shown()
  missing += waiting.size
  const [p50Ms, p99Ms, maxMs] = lags.quantiles(0.5, 0.99, 1) as [number, number, number]
  return { p50Ms, p99Ms, maxMs, rate, events: lags.count, missing }
}
