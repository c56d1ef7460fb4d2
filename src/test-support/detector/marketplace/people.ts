// Who is around the marketplace: customers by day and week, a payment provider, a warehouse, and those who break in.
import { Order, order } from '../../../../examples/marketplace/order.ts'
import { inventory } from '../../../../examples/marketplace/inventory.ts'
import { Payment, payment } from '../../../../examples/marketplace/payment.ts'
import type { Recorded } from '../../../definitions/event/events.ts'
import { HOUR_MS } from '../../../definitions/detector/settings.ts'
import { drawCount } from '../random.ts'
import { type Person, World } from './world.ts'

/** A Monday. */
export const BEGIN: number = Date.UTC(2026, 0, 5)
/** Orders an hour, over the week. */
const ORDERS_MEAN = 6
const SKUS = 12
const STOCK = 150
const RESTOCK_HOUR = 5
const REASONS = ['changed my mind', 'found it cheaper', 'takes too long']
const DECLINES = ['card expired', 'no funds']
const PROVIDER_TRIES_MS: number = HOUR_MS
const MINUTE_MS = 60_000
const SECOND_MS = 1_000

/** A marketplace at its begin, with its stock. */
export function openMarketplace(seed: number): World {
  const world = new World(BEGIN, [provider, stranger], seed)
  for (let sku = 0; sku < SKUS; sku++) world.send(inventory.restock(`sku${sku}`, { qty: STOCK }))
  world.schedule.at(BEGIN, openHour)
  return world
}

/** The same past, and another future. */
export function branchOf(world: World, seed: number): World {
  return new World(BEGIN, world.people, seed, world)
}

function openHour(world: World): void {
  const { random, now, behaviour } = world
  const hour = Math.floor((now - BEGIN) / HOUR_MS)
  if (hour % 24 === RESTOCK_HOUR && behaviour.isRestocked) restock(world)
  for (let i = drawCount(random, ordersOf(hour) * behaviour.orders, 1); i > 0; i--)
    world.schedule.after(random() * HOUR_MS, placeOrder)
  world.schedule.after(HOUR_MS, openHour)
}

/** More by day than by night, and less at the end of the week. */
function ordersOf(hour: number): number {
  const ofDay = 1 - 0.7 * Math.cos((2 * Math.PI * ((hour - 3) % 24)) / 24)
  return ORDERS_MEAN * ofDay * (Math.floor(hour / 24) % 7 >= 5 ? 0.6 : 1.16)
}

function restock(world: World): void {
  for (let sku = 0; sku < SKUS; sku++) {
    const { free } = world.stateOf<{ readonly free: number }>('inventory', `sku${sku}`)
    if (free < STOCK) world.send(inventory.restock(`sku${sku}`, { qty: STOCK - free }))
  }
}

function placeOrder(world: World): void {
  const { random, behaviour } = world
  const id = `o${world.events.length}x${Math.floor(random() * 1e6)}`
  const items = Array.from({ length: 1 + Math.floor(random() * 2.4) }, () => {
    const sku = Math.floor(random() * SKUS)
    const price = Math.round((400 + 250 * sku) * (random() < 0.2 ? 0.9 : 1) * behaviour.priceFactor)
    return { sku: `sku${sku}`, qty: random() < 0.8 ? 1 : 2, price }
  })
  world.send(order.place(id, { customerId: `c${Math.floor(random() * 900)}`, items }))
  if (random() < behaviour.placedAgain)
    world.schedule.after(SECOND_MS, later => void later.send(order.place(id, { customerId: 'c0', items })))
  if (random() < 0.15) world.schedule.after((5 + random() * 300) * SECOND_MS, later => cancelOrder(later, id))
  if (random() < behaviour.shippedAtOnce)
    world.schedule.after(SECOND_MS / 2, later =>
      later.appendForeign(id, Order.Shipped({ trackingNumber: `X-${id}`, customerId: 'c0', cents: 1_000 })),
    )
}

function cancelOrder(world: World, id: string): void {
  const reason = REASONS[Math.floor(world.random() * REASONS.length)]!
  world.send(order.cancel(id, world.behaviour.hasReasons ? { reason } : {}))
}

/** Answers after seconds or minutes. Where it is down, it is asked again for an hour. */
const provider: Person = (world, { category, type, instance, data, at }) => {
  if (category !== 'payment' || type !== 'Requested') return
  const { cents } = data as { readonly cents: number }
  const until = Date.parse(at) + PROVIDER_TRIES_MS
  world.schedule.after((5 + world.random() * 100) * SECOND_MS, later => answerPayment(later, instance, cents, until))
}

function answerPayment(world: World, id: string, cents: number, until: number): void {
  const { isProviderDown, isChargedTwice } = world.behaviour
  if (isProviderDown) {
    if (world.now < until) world.schedule.after(MINUTE_MS, later => answerPayment(later, id, cents, until))
    return
  }
  if (world.random() < 0.08) {
    const reason = DECLINES[world.random() < 0.7 ? 0 : 1]!
    world.send(payment.decline(id, { reason }))
  } else {
    world.send(payment.charge(id, { cents }))
    if (isChargedTwice) world.schedule.after(2 * SECOND_MS, later => later.appendForeign(id, Payment.Charged({ cents })))
  }
}

/** Ships what is shipped once more, by an event that no decider has decided. */
const stranger: Person = (world, { category, type, instance, data }: Recorded) => {
  if (!world.behaviour.isShippedTwice || category !== 'order' || type !== 'Shipped') return
  const shipment = data as { readonly trackingNumber: string; readonly customerId: string; readonly cents: number }
  if (shipment.trackingNumber.startsWith('again')) return
  const again = { ...shipment, trackingNumber: `again ${shipment.trackingNumber}` }
  world.schedule.after(SECOND_MS, later => later.appendForeign(instance, Order.Shipped(again)))
}
