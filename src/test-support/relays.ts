// What tests of relays send, and how they look at what arrived.
import { z } from 'zod'
import { decider } from '../definitions/decider/decider.ts'
import { events, spec } from '../definitions/event/events.ts'
import type { Processor, ProcessorSpec } from '../definitions/processor.ts'
import type { Runtime } from '../runtime.ts'

export const Counter = events('counter', { Counted: z.object({ n: z.int(), pad: z.string().optional() }), Ended: z.object({}) })
export const counter = decider(Counter, {
  initial: { n: 0 },
  evolve: { Counted: (_, { n }) => ({ n }), Ended: s => s },
  commands: { count: z.object({ pad: z.string().optional() }), end: z.object({}) },
  decide: {
    count: ({ n }, { pad }) => Counter.Counted({ n: n + 1, ...(pad !== undefined && { pad }) }),
    end: () => Counter.Ended({}),
  },
})

/** Counts on each of so many streams, so many times each; the position of the last. */
export async function countUp(emaki: Runtime, streams: number, times: number, from = 0): Promise<number> {
  let last = 0
  for (let i = 0; i < times; i++) {
    const sent = await Promise.all(Array.from({ length: streams }, (_, s) => emaki.send(counter.count(`c${s + from}`, {}))))
    for (const outcome of sent) {
      if (outcome.outcome !== 'accepted') throw new Error(`a count was ${outcome.outcome}`)
      last = Math.max(last, outcome.position)
    }
  }
  return last
}

/** An event that has arrived. */
export type ReceivedEvent = { readonly id: string; readonly stream: string; readonly n: number }

/** The faults of arrived streams that count from 1 to `times`: lost, doubled, out of order. */
export function faultsOf(
  arrived: readonly ReceivedEvent[],
  streams: number,
  times: number,
): { lost: number; doubled: number; disordered: number } {
  const ids = new Set(arrived.map(({ id }) => id))
  const byStream = Map.groupBy(arrived, ({ stream }) => stream)
  const disordered = [...byStream.values()].filter(of => firsts(of).some(({ n }, i, all) => i > 0 && n < all[i - 1]!.n)).length
  return { lost: streams * times - ids.size, doubled: arrived.length - ids.size, disordered }
}

/** The first time that each arrived. */
function firsts(arrived: readonly ReceivedEvent[]): readonly ReceivedEvent[] {
  const seen = new Set<string>()
  return arrived.filter(({ id }) => !seen.has(id) && seen.add(id))
}

/** A relay, and how many of its events have been delivered. */
export function countDeliveries<N extends string>(
  relay: Processor<N>,
): { readonly relay: Processor<N>; readonly delivered: string[] } {
  const delivered: string[] = []
  const counting = wrapHandler(relay, handle => async (events, handling) => {
    await handle(events, handling)
    delivered.push(...events.map(({ id }) => id))
  })
  return { relay: counting, delivered }
}

/** A relay whose handler is another one, made of its own. */
export function wrapHandler<N extends string>(
  relay: Processor<N>,
  change: (handle: ProcessorSpec['handle']) => ProcessorSpec['handle'],
): Processor<N> {
  const definition = relay[spec]
  return { [spec]: { ...definition, handle: change(definition.handle) } }
}
