// The marketplace by itself: an order is placed over HTTP, and what follows is waited for.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { type ServedProcess, serveProcess } from '../../src/test-support/served-process.ts'
import { until } from '../../src/test-support/servers/until.ts'
import { type Sandbox, startSandbox } from './sandbox.ts'

const source = [process.execPath, join(import.meta.dir, 'main.ts')]
type Item = { readonly sku: string; readonly qty: number; readonly price: number }
type Entry = { readonly kind: string; readonly order: string; readonly cents: number; readonly status: string }

/** `database` gives the environment that names the store. */
export function testOrders(name: string, database: () => Promise<Readonly<Record<string, string>>>): void {
  describe(`an order on ${name}`, () => {
    let served: ServedProcess
    let provider: Sandbox
    let count = 0
    beforeAll(async () => {
      provider = startSandbox()
      const free = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response() })
      const port = String(free.port)
      await free.stop(true)
      const env = { PAYMENT_URL: provider.url, PORT: port, PUBLIC_URL: `http://127.0.0.1:${port}`, LEASE_MS: '500' }
      served = await serveProcess(source, { ...(await database()), ...env })
    })
    afterEach(() => setMode('fine'))
    afterAll(async () => {
      expect(await served?.stop()).toBe(0)
      await provider?.stop()
    })

    const setMode = (setMode: string) => fetch(`${provider.url}/mode`, { method: 'PUT', body: setMode })
    const id = (of: string) => `${of}${++count}`
    const post = (path: string, body: object = {}) =>
      fetch(`${served.url}${path}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      })
    const ask = async (path: string) => (await (await fetch(`${served.url}${path}`)).json()) as Record<string, unknown>
    const ledger = async (order: string) =>
      ((await (await fetch(`${provider.url}/ledger`)).json()) as readonly Entry[]).filter(entry => entry.order === order)
    const restock = async (qty: number) => {
      const sku = id('sku')
      await post(`/inventory/${sku}/restock`, { qty })
      return sku
    }
    const placeOrder = async (items: readonly Item[]) => {
      const order = id('o')
      expect((await post(`/order/${order}/place`, { customerId: 'c1', items })).status).toBe(201)
      return order
    }
    const awaitStatus = (order: string, status: string) =>
      until(`${order} is ${status}`, async () => (await ask(`/orders/${order}`))['status'] === status)
    const awaitRow = (path: string, row: object) =>
      until(`${path} is ${JSON.stringify(row)}`, async () => Bun.deepMatch(row, await ask(path)))

    test(`an order on ${name} is reserved, charged and shipped by itself`, async () => {
      const [apple, pear] = [await restock(5), await restock(1)]
      const order = await placeOrder([
        { sku: apple, qty: 2, price: 120 },
        { sku: pear, qty: 1, price: 60 },
        { sku: apple, qty: 1, price: 100 },
      ])
      await awaitStatus(order, 'shipped')
      await awaitRow(`/stock/${apple}`, { onHand: 2, reserved: 0 })
      await awaitRow(`/stock/${pear}`, { onHand: 0, reserved: 0 })
      expect(await ledger(order)).toEqual([{ kind: 'charge', order, cents: 400, status: 'charged' }])
      expect(await ask(`/order/${order}`)).toMatchObject({ status: 'shipped', trackingNumber: `T-${order}` })
    })

    test(`an order on ${name} for more than there is releases its stock, and is cancelled`, async () => {
      const [apple, pear] = [await restock(5), await restock(1)]
      const order = await placeOrder([
        { sku: apple, qty: 5, price: 120 },
        { sku: pear, qty: 2, price: 60 },
      ])
      await awaitStatus(order, 'cancelled')
      await awaitRow(`/stock/${apple}`, { onHand: 5, reserved: 0 })
      expect(await ledger(order)).toEqual([])
    })

    test(`an order on ${name} whose payment is declined releases its stock, and is cancelled`, async () => {
      const apple = await restock(5)
      const order = await placeOrder([{ sku: apple, qty: 1, price: 1_013 }])
      await awaitStatus(order, 'cancelled')
      await awaitRow(`/stock/${apple}`, { onHand: 5, reserved: 0 })
      expect(await ledger(order)).toMatchObject([{ status: 'declined' }])
      const { events } = (await ask(`/streams/order-${order}`)) as { events: readonly { data: object }[] }
      expect(events.at(-1)?.data).toEqual({ reason: 'payment declined: the total ends in 13 cents' })
    })

    test(`an order on ${name} is charged once by a provider that is down, loses answers or answers twice`, async () => {
      const apple = await restock(9)
      await setMode('down')
      const waiting = await placeOrder([{ sku: apple, qty: 1, price: 100 }])
      await awaitStatus(waiting, 'reserved')
      await setMode('lossy')
      await awaitStatus(waiting, 'shipped')
      await setMode('twice')
      const repeated = await placeOrder([{ sku: apple, qty: 1, price: 200 }])
      await awaitStatus(repeated, 'shipped')
      for (const order of [waiting, repeated]) expect(await ledger(order)).toHaveLength(1)
      for (const order of [waiting, repeated]) expect(await ask(`/payment/${order}`)).toMatchObject({ status: 'charged' })
    })

    test(`an order on ${name} that costs nothing is shipped without a payment`, async () => {
      const order = await placeOrder([{ sku: await restock(1), qty: 1, price: 0 }])
      await awaitStatus(order, 'shipped')
      expect(await ledger(order)).toEqual([])
    })

    test(`an order on ${name} that is cancelled while it waits for its payment is refunded`, async () => {
      const apple = await restock(1)
      await setMode('down')
      const order = await placeOrder([{ sku: apple, qty: 1, price: 500 }])
      await awaitStatus(order, 'reserved')
      expect((await post(`/order/${order}/cancel`, { reason: 'changed my mind' })).status).toBe(200)
      await setMode('fine')
      await until('it is paid back', async () => (await ledger(order)).length === 2)
      expect((await ledger(order)).map(({ kind, cents }) => [kind, cents])).toEqual([
        ['charge', 500],
        ['refund', 500],
      ])
      await awaitRow(`/stock/${apple}`, { onHand: 1, reserved: 0 })
      await awaitStatus(order, 'cancelled')
    })
  })
}
