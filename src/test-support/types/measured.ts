// Measures that are none. As in refused.ts, a comment above each wrong line has what the compiler says.
import { z } from 'zod'
import { events, measure, measureRows, measureTime, projection, runtime } from '../../index.ts'

const Order = events('order', {
  Placed: z.object({ country: z.string() }),
  Shipped: z.object({ cents: z.int(), country: z.string() }),
})
const Stock = events('stock', { Shipped: z.object({ qty: z.int() }) })

const revenue = measure('revenue', {
  from: Order,
  on: { Shipped: ({ cents }) => cents },
  by: { country: ({ data }) => data.country, isLarge: ({ data: { cents } }) => cents > 1_000 },
  unit: 'cents',
})
const moved = measure('moved', { from: [Order, Stock], on: { 'stock.Shipped': ({ qty }) => qty, Placed: 1 } })
const orders = projection('orders', {
  from: Order,
  row: z.object({ country: z.string(), isShipped: z.boolean(), cents: z.int() }),
  initial: { country: '', isShipped: false, cents: 0 },
  indexes: ['country', 'isShipped'],
  evolve: { Shipped: (row, { country, cents }) => ({ ...row, country, cents, isShipped: true }) },
})
const open = measureRows('orders_by_country', { rows: orders, by: ['country', 'isShipped'] })
const timeToShip = measureTime('time_to_ship', {
  from: Order,
  begins: 'Placed',
  ends: 'Shipped',
  by: { isLarge: ({ data }) => data.cents > 1_000 },
})
runtime({ serve: [orders, revenue, moved, open, timeToShip] })

// @ts-expect-error 'Shiped' does not exist in type
measure('revenue', { from: Order, on: { Shiped: 1 } })
// @ts-expect-error Property 'cent' does not exist on type '{ cents: number; country: string; }'
measure('revenue', { from: Order, on: { Shipped: ({ cent }) => cent } })
// @ts-expect-error is not assignable to type 'number | ((data: { cents: number; country: string; }
measure('revenue', { from: Order, on: { Shipped: ({ country }) => country } })
// @ts-expect-error Property 'cents' does not exist on type '{ country: string; }'
measure('revenue', { from: Order, on: { Placed: 1 }, by: { cents: ({ data }) => data.cents } })
// @ts-expect-error is not assignable to type 'Label'
measure('revenue', { from: Order, on: { Placed: 1 }, by: { data: ({ data }) => data } })
// @ts-expect-error the name of a measure is small letters, digits and _, begins with a letter
measure('orders-placed', { from: Order, on: { Placed: 1 } })
// @ts-expect-error Type '"cents"' is not assignable to type '"country" | "isShipped"'
measureRows('orders', { rows: orders, by: ['cents'] })
// @ts-expect-error is not assignable to type 'Projection<string, unknown, string>'
measureRows('orders', { rows: revenue })
// @ts-expect-error is not assignable to type '"Placed" | "Shipped" | "order.Placed" | "order.Shipped"'
measureTime('time', { from: Order, begins: 'Plced', ends: 'Shipped' })
// @ts-expect-error Property 'cents' does not exist on type '{ country: string; }'
measureTime('time', { from: Order, begins: 'Shipped', ends: 'Placed', by: { cents: ({ data }) => data.cents } })
