// The meter of a run. What a handler opens for a run, such as a relay's connection, finds it by the signal that ends the
// run: a definition is made before there is an app with metrics.
import { type Meter, unmetered } from './meter.ts'

const meters = new WeakMap<AbortSignal, Meter>()

export function setRunMeter(signal: AbortSignal, meter: Meter): void {
  meters.set(signal, meter)
}

/** Gives the meter of a run. A run that nobody measures records nothing. */
export function runMeter(signal: AbortSignal): Meter {
  return meters.get(signal) ?? unmetered
}
