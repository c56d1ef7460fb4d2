import { memory, runtime } from 'emaki'
import { order } from './marketplace/order.ts'

// The top level prepares. Only the default export is measured.
const shop = await runtime({ serve: [order], store: memory() })
const basket = { customerId: 'c1', items: [{ sku: 'a', qty: 2, price: 1_999 }] }

export default () => shop.send(order.place(Bun.randomUUIDv7(), basket))

export const close = () => shop.close()
