// Orders over HTTP while the app is killed ten times and the database twice: in the end each is shipped or cancelled, and the stock and the
// money add up to the cent.
import { describe, expect } from 'bun:test'
import { join } from 'node:path'
import createClient from 'postgres'
import { form, race } from '../../src/adapters/postgres/races/form.ts'
import type { Random } from '../../src/adapters/postgres/races/random.ts'
import { serveProcess } from '../../src/test-support/served-process.ts'
import { startPostgres } from '../../src/test-support/servers/postgres.ts'
import { until } from '../../src/test-support/servers/until.ts'
import { startSandbox } from './sandbox.ts'

const ORDERS = form(500, 5_000)
const APP_KILLS = form(10, 100)
const DATABASE_KILLS = form(2, 20)
const CALLERS = 16
const SKUS = 20

type Entry = { readonly kind: 'charge' | 'refund'; readonly order: string; readonly cents: number; readonly status: string }
type Row = { readonly key: string; readonly data: string }
type Shown = { readonly status: string; readonly spend: number }

describe('orders while the app and the database are killed', () => {
  race('killed apps and databases leave each order shipped or cancelled, and charged once', async random => {
    await using server = await startPostgres()
    const DATABASE_URL = await server.createDatabase('market')
    const provider = startSandbox()
    const env = { DATABASE_URL, PAYMENT_URL: provider.url, LEASE_MS: '1000' }
    const served = await serveProcess([process.execPath, join(import.meta.dir, 'main.ts')], env)
    const sql = createClient(DATABASE_URL, { max: 1, onnotice: () => {} })
    const post = async (path: string, body: object, key: string): Promise<void> => {
      for (let tries = 0; ; tries++) {
        const headers = { 'Content-Type': 'application/json', 'Idempotency-Key': key }
        const said = fetch(`${served.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
        const answer = await said.catch(() => null)
        if (answer && answer.status < 500) return void expect([path, answer.status < 300]).toEqual([path, true])
        if (tries > 2_000) throw new Error(`${path} was never answered`)
        await Bun.sleep(20)
      }
    }
    const filled = Array.from({ length: SKUS }, (_, i) => 10 + 3 * i)
    await Promise.all(filled.map((qty, i) => post(`/inventory/s${i}/restock`, { qty }, `r${i}`)))
    const wanted = Array.from({ length: ORDERS }, (_, i) => ({ id: `o${i}`, items: itemsOf(random) }))
    let next = 0
    const placing = Array.from({ length: CALLERS }, async () => {
      for (let order = wanted[next++]; order; order = wanted[next++])
        await post(`/order/${order.id}/place`, { customerId: `c${next % 7}`, items: order.items }, order.id)
    })
    const kills = shuffled(random, [...Array(APP_KILLS).fill('app'), ...Array(DATABASE_KILLS).fill('database')])
    for (const [i, what] of kills.entries()) {
      // Spread over the orders, so that none comes when all is done.
      await until('orders are placed', () => next >= (ORDERS * (i + 1)) / (kills.length + 1))
      await Bun.sleep(random.below(60))
      if (what === 'app') await served.crash()
      else await server.restart()
    }
    await Promise.all(placing)
    const rows = async (table: string) => {
      const found = await sql.unsafe<Row[]>(`select key, data from emaki."rows_${table}"`)
      return new Map(found.map(({ key, data }) => [key, JSON.parse(data) as Shown]))
    }
    const isOver = async () => {
      const orders = await rows('orders_v1')
      return orders.size === ORDERS && [...orders.values()].every(({ status }) => ['shipped', 'cancelled'].includes(status))
    }
    await until('each order is shipped or cancelled', isOver).catch(async error => {
      const left = [...(await rows('orders_v1'))].filter(([, { status }]) => !['shipped', 'cancelled'].includes(status))
      throw new Error(`${error} ${JSON.stringify(left.slice(0, 5))}`)
    })
    // What is released and paid back comes after that.
    const isIdle = async () => (await sql.unsafe(`select from emaki.agenda where timer is null`)).length === 0
    await until('nothing is left to be sent', isIdle)
    const ledger = async () => (await (await fetch(`${provider.url}/ledger`)).json()) as readonly Entry[]
    const orders = await rows('orders_v1')
    const shipped = wanted.filter(({ id }) => orders.get(id)!.status === 'shipped')
    const total = (list: typeof wanted) => list.reduce((sum, { items }) => sum + centsOf(items), 0)
    await until('the money adds up', async () => balanceOf(await ledger()) === total(shipped))
    const charges = (await ledger()).filter(({ kind, status }) => kind === 'charge' && status === 'charged')
    expect(new Set(charges.map(({ order }) => order)).size).toBe(charges.length)
    await until('the stock adds up', async () => {
      const stock = await rows('stock_v1')
      return filled.every((qty, i) => {
        const sold = shipped.reduce((sum, { items }) => sum + quantityOf(items, `s${i}`), 0)
        return Bun.deepEquals(stock.get(`s${i}`), { onHand: qty - sold, reserved: 0 })
      })
    })
    const customers = [...(await rows('customers_v1')).values()]
    expect(customers.reduce((sum, { spend }) => sum + spend, 0)).toBe(total(shipped))
    expect(shipped.length).toBeGreaterThan(0)
    expect(shipped.length).toBeLessThan(ORDERS)
    await sql.end()
    expect(await served.stop()).toBe(0)
    await provider.stop()
  })
})

type Item = { readonly sku: string; readonly qty: number; readonly price: number }

function itemsOf(random: Random): readonly Item[] {
  const many = 1 + random.below(3)
  // Some totals end in 13 cents, and some skus are soon sold out.
  return Array.from({ length: many }, () => ({
    sku: `s${random.below(SKUS)}`,
    qty: 1 + random.below(2),
    price: random.below(20) === 0 ? 513 : 100 * (1 + random.below(50)),
  }))
}

const centsOf = (items: readonly Item[]): number => items.reduce((sum, { qty, price }) => sum + qty * price, 0)
const quantityOf = (items: readonly Item[], sku: string): number =>
  items.reduce((sum, item) => (item.sku === sku ? sum + item.qty : sum), 0)
const balanceOf = (ledger: readonly Entry[]): number =>
  ledger.reduce((sum, { status, cents }) => sum + (status === 'charged' ? cents : status === 'refunded' ? -cents : 0), 0)

function shuffled<T>(random: Random, list: readonly T[]): readonly T[] {
  return list
    .map(one => [random.below(1_000_000), one] as const)
    .toSorted(([a], [b]) => a - b)
    .map(([, one]) => one)
}
