// Rules of access: customers place, see and cancel their own orders, and the staff sees and ships all.
import { allow, type Caller, type StateAsk, type Store } from 'emaki'
import { type App, app } from 'emaki/http'
import { jwt } from 'hono/jwt'
import { order } from '../marketplace/order.ts'
import { customers, orderSummary, orders } from '../marketplace/views.ts'

/** What the tokens of this shop say of a caller, besides its name. */
declare module 'emaki' {
  interface Claims {
    readonly roles?: readonly string[]
  }
}

const isStaff = (actor: Caller | null): boolean => actor?.claims.roles?.includes('staff') ?? false
/** Whoever placed an order, and nobody else knows that it exists. */
const isOwner = ({ actor, state }: StateAsk<{ readonly customerId: string }>) => state.customerId === actor?.id || 'hidden'

const rules = [
  allow(order, {
    commands: {
      place: ({ actor, data }) => actor !== null && data.customerId === actor.id,
      cancel: isOwner,
      confirmPayment: ({ actor }) => isStaff(actor),
      ship: ({ actor }) => isStaff(actor),
    },
    state: isOwner,
    stream: isOwner,
    events: ({ actor }) => isStaff(actor),
  }),
  allow(orders, { visible: actor => isStaff(actor) || { customerId: actor.id } }),
  allow(orderSummary, ({ actor, params }) => actor?.id === params.customerId),
]

/** `options`: the secret that signs tokens, and the store; without one the environment names it. */
export function makeShop({ secret, ...options }: { readonly secret: string; readonly store?: Store }): App {
  const serve = [order, orders, customers, orderSummary]
  const shop = app({ serve, actor: c => (c.get('jwtPayload') as { readonly sub: string }).sub, authorize: rules, ...options })
  shop.use(jwt({ secret, alg: 'HS256' }))
  return shop
}
