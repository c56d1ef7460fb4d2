// The twelve faults that are planted into the marketplace, each for the seventh week.
import type { Behaviour } from './world.ts'

export type Fault = {
  readonly name: string
  readonly behaviour: Partial<Behaviour>
}

export const FAULTS: readonly Fault[] = [
  { name: 'the payment provider is down', behaviour: { isProviderDown: true } },
  { name: 'payments are made twice', behaviour: { isChargedTwice: true } },
  { name: 'orders are shipped twice', behaviour: { isShippedTwice: true } },
  { name: 'prices are 100 times as much', behaviour: { priceFactor: 100 } },
  { name: 'a deploy drops the reason of customers who cancel', behaviour: { hasReasons: false } },
  { name: 'one saga in five is stuck before its payment', behaviour: { stuckShare: 0.2 } },
  { name: 'a bot places orders, four times as many in all', behaviour: { orders: 4 } },
  { name: 'a bot is rejected, four times as often in all', behaviour: { placedAgain: 0.4 } },
  { name: 'the process takes two minutes for each event', behaviour: { processDelayMs: 120_000 } },
  { name: 'one decision in five conflicts', behaviour: { conflicts: 0.2 } },
  { name: 'nothing is restocked', behaviour: { isRestocked: false } },
  { name: 'one order in twenty is shipped before it is paid', behaviour: { shippedAtOnce: 0.05 } },
]
