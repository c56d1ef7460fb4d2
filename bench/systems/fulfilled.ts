// W18: orders of examples/marketplace from placed over HTTP to shipped by its process, with the payment provider in a process of its own.
import { join } from 'node:path'
import { runtime } from 'emaki'
import { postgres as store } from 'emaki/postgres'
import postgres from 'postgres'
import { inventory } from '../../examples/marketplace/inventory.ts'
import { order } from '../../examples/marketplace/order.ts'
import { payment } from '../../examples/marketplace/payment.ts'
import { bestsellers, customers, orders, stock } from '../../examples/marketplace/views.ts'
import { serveProcess } from '../../src/test-support/served-process.ts'
import type { Contestant, Entrant } from '../contestant.ts'
import { closedLoop } from '../measure/closed-loop.ts'
import { cpuClock } from '../measure/cpu.ts'
import { openLoop } from '../measure/open-loop.ts'
import { median } from '../measure/statistics.ts'
import { serve } from './served.ts'

const FLYING = 200
const SKUS = 100
const STOCK = 1_000_000_000
const CENTS = 1_000
const P99_MS_MAX = 250
const RATE_MIN = 800
/** How often the log is asked for what was shipped. */
const POLL_MS = 5
const SHIPPED_MS_MAX = 60_000

const basket = (nth: number) => ({ customerId: `c${nth % 1_000}`, items: [{ sku: `s${nth % SKUS}`, qty: 1, price: CENTS }] })

/** The limit: the same commands one after the other, without HTTP and without anybody who would go on where this process stops. */
export const byHand: Contestant = {
  system: 'emaki',
  open: async arena => {
    const url = await arena.server.createDatabase('by_hand')
    const provider = await serve('sandbox', {})
    const serve_ = [inventory, order, payment, orders, stock, bestsellers, customers]
    const emaki = await runtime({ serve: serve_, store: store(url) })
    const accepted = async (command: Parameters<typeof emaki.send>[0]) => {
      const { outcome } = await emaki.send(command)
      if (outcome !== 'accepted') throw new Error(`${command.command} was answered ${outcome}`)
    }
    for (let i = 0; i < SKUS; i++) await accepted(inventory.restock(`s${i}`, { qty: STOCK }))
    let made = 0
    const act = async () => {
      const nth = made++
      const [id, sku] = [`o${nth}`, `s${nth % SKUS}`]
      await accepted(order.place(id, basket(nth)))
      await accepted(inventory.reserve(sku, { order: id, qty: 1 }))
      await accepted(payment.request(id, { cents: CENTS }))
      await charged(provider.port, id)
      await accepted(payment.charge(id, { cents: CENTS }))
      await accepted(order.confirmPayment(id, {}))
      await accepted(order.ship(id, { trackingNumber: `T-${id}` }))
      await accepted(inventory.commit(sku, { order: id }))
    }
    return {
      run: ms => closedLoop({ act, callers: FLYING, events: 1, postmaster: arena.server.pid }, ms),
      check: () => checkOrders(url, provider.port, made),
      close: async () => {
        await emaki.close()
        await provider.stop()
      },
    }
  },
}

async function charged(port: number, id: string): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${port}/charges`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'Idempotency-Key': id },
    body: JSON.stringify({ order: id, cents: CENTS }),
  })
  if (((await answer.json()) as { status: string }).status !== 'charged') throw new Error('the provider declined')
}

/** So many orders in flight: each is placed by a POST, and over when the log has it shipped. */
export const fulfilled: Contestant = {
  system: 'emaki',
  open: async arena => {
    const url = await arena.server.createDatabase('fulfilled')
    const provider = await serve('sandbox', {})
    const env = { DATABASE_URL: url, PAYMENT_URL: `http://127.0.0.1:${provider.port}`, NODE_ENV: 'production' }
    const entry = join(import.meta.dir, '../../examples/marketplace/main.ts')
    const profiled =
      process.env['BENCH_PROFILE'] === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${process.env['BENCH_PROFILE']}`]
    const app = await serveProcess([process.execPath, ...profiled, entry], env)
    const post = async (path: string, body: object) => {
      const headers = { 'Content-Type': 'application/json' }
      const answer = await fetch(`${app.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
      await answer.arrayBuffer()
      if (answer.status >= 300) throw new Error(`${path} was answered ${answer.status}`)
    }
    for (let i = 0; i < SKUS; i++) await post(`/inventory/s${i}/restock`, { qty: STOCK })
    const shipments = await followed(url)
    let made = 0
    const act = async () => {
      const nth = made++
      const shipped = shipments.of(`o${nth}`)
      await post(`/order/o${nth}/place`, basket(nth))
      await shipped
    }
    const work = { act, callers: FLYING, events: 1, postmaster: arena.server.pid }
    const p99s: number[] = []
    const values: number[] = []
    const entrant: Entrant = {
      run: async ms => {
        const used = cpuClock(arena.server.pid, [app.pid])
        const sample = await closedLoop(work, ms)
        const { appUs, serverUs } = used()
        values.push(sample.value)
        return { ...sample, appUs: appUs / sample.events, serverUs: serverUs === null ? null : serverUs / sample.events }
      },
      pace: async (rate, ms) => {
        const latency = await openLoop(work, rate, ms)
        p99s.push(latency.p99Ms)
        return latency
      },
      check: () => checkOrders(url, provider.port, made),
      // The first is the warm-up.
      note: () => (median(values.slice(1)) < RATE_MIN ? `UNDER ${RATE_MIN} a second` : ''),
      extras: () => [{ name: 'p99', unit: 'ms', value: median(p99s), limit: P99_MS_MAX }],
      close: async () => {
        await shipments.stop()
        await app.stop()
        await provider.stop()
      },
    }
    return entrant
  },
}

/** Follows what the log says was shipped, as cheaply as it can be asked. */
async function followed(url: string) {
  // A log without statistics, as it is just filled, would be read from its beginning each time.
  const sql = postgres(url, { max: 1, onnotice: () => {}, connection: { enable_seqscan: 'off', enable_sort: 'off' } as object })
  const waiting = new Map<string, () => void>()
  let after = 0
  let isStopped = false
  const follow = async () => {
    while (!isStopped) {
      const found = await sql<{ id: string | null; position: number }[]>`
        select case when type = 'Shipped' then substr(stream, 7) end as id, position::float8 as position
        from emaki.events where position > ${after} order by position limit 10000`
      after = found.at(-1)?.position ?? after
      for (const { id } of found) if (id !== null) waiting.get(id)?.()
      await Bun.sleep(POLL_MS)
    }
  }
  const following = follow()
  return {
    of: (id: string) =>
      new Promise<void>((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`${id} was not shipped`)), SHIPPED_MS_MAX)
        waiting.set(id, () => {
          clearTimeout(late)
          waiting.delete(id)
          resolve()
        })
      }),
    stop: async () => {
      isStopped = true
      await following
      await sql.end()
    },
  }
}

const SETTLES_MS = 30_000

/** What is wrong with the orders, the stock and the money: all are shipped, and each was charged once. */
async function checkOrders(url: string, provider: number, made: number): Promise<string | null> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    // What follows a shipment is on its way.
    let found = { shipped: 0, left: 0, free: 0 }
    for (const end = performance.now() + SETTLES_MS; performance.now() < end; await Bun.sleep(100)) {
      const [counted] = await sql<(typeof found)[]>`
        select (select count(*)::int from emaki.rows_orders_v1 where f_status = 'shipped') as shipped,
          (select count(*)::int from emaki.agenda) as left,
          (select sum((data::json ->> 'onHand')::float8) from emaki.rows_stock_v1) as free`
      found = counted!
      if (found.shipped === made && found.left === 0 && found.free === SKUS * STOCK - made) break
    }
    const { shipped, left, free } = found
    if (shipped !== made || left !== 0) return `of ${made} orders ${shipped} are shipped, and ${left} commands are left`
    if (free !== SKUS * STOCK - made) return `${made} items were sold, and ${SKUS * STOCK - free} are gone`
    const ledger = (await (await fetch(`http://127.0.0.1:${provider}/ledger`)).json()) as { order: string; status: string }[]
    const orders = new Set(ledger.map(({ order }) => order))
    return ledger.length === made && orders.size === made ? null : `${made} orders were charged ${ledger.length} times`
  } finally {
    await sql.end()
  }
}
