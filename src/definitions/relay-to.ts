import type { Target } from './endpoint.ts'
import { spec } from './event/events.ts'
import type { Processor } from './processor.ts'

/** A processor that does nothing but send its events to a target. */
export function relayTo<N extends string>(target: Target, relay: Processor<N>): Processor<N> {
  return Object.freeze({ [spec]: { ...relay[spec], target } })
}
