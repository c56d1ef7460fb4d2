// W19: from events in the log to the commands that a process makes of them, durable; against the same commands without a process.
import { runtime } from 'emaki'
import { postgres as store } from 'emaki/postgres'
import postgres from 'postgres'
import type { Arena, Contestant } from '../contestant.ts'
import { whole } from '../measure/whole.ts'
import { basket, Order, order } from '../order.ts'
import { shipment, shipping } from '../shipping.ts'
import { checkLog } from './check-log.ts'

/** Commands in flight: as many as a process has. */
const CALLERS = 4_096
const EVENTS = 100_000
const EVENTS_SHORT = 20_000
const SLICES = 500
const POLL_MS = 2
const TIMEOUT_MS = 300_000

const eventsOf = ({ short }: Arena): number => (short ? EVENTS_SHORT : EVENTS)

/** The limit: as many callers dispatch the commands that the process would send. */
export const dispatched: Contestant = {
  system: 'emaki',
  open: async arena => {
    const url = await arena.server.createDatabase('dispatch')
    const emaki = await runtime({ serve: [shipment], store: store(url) })
    const many = eventsOf(arena)
    let acked = 0
    const run = () =>
      whole(arena.server.pid, async () => {
        let left = many
        const call = async () => {
          while (left-- > 0) {
            const { outcome } = await emaki.send(shipment.send(Bun.randomUUIDv7(), basket()))
            if (outcome !== 'accepted') throw new Error(`a command was answered ${outcome}`)
            acked++
          }
        }
        await Promise.all(Array.from({ length: CALLERS }, call))
        return many
      })
    return { run, check: () => checkLog(url, acked), close: () => emaki.close() }
  },
}

/** A log of so many orders, whose process starts and has come to its end when the command of each is durable. */
export const processed: Contestant = {
  system: 'emaki',
  open: async arena => {
    const url = await arena.server.createDatabase('process')
    const many = eventsOf(arena)
    let placed = 0
    const run = async () => {
      await fill(url, many)
      placed += many
      const emaki = await runtime({ serve: [order, shipment], store: store(url) })
      const until = (await emaki.store.head()) + many
      await emaki.close()
      const [opened, stop] = await started(url)
      const sample = await whole(arena.server.pid, async () => {
        const end = performance.now() + TIMEOUT_MS
        while ((await opened.store.head()) < until) {
          if (performance.now() > end) throw new Error('the process did not send all of its commands')
          await Bun.sleep(POLL_MS)
        }
        return many
      })
      await stop()
      return sample
    }
    return {
      run,
      check: async () => (await checkLog(url, 2 * placed)) ?? checkSent(url, placed),
      note: () => (arena.short ? `SHORT: ${many} events` : `${many} events`),
      close: async () => {},
    }
  },
}

/** A runtime as a user starts it. */
async function started(url: string) {
  const emaki = await runtime({ serve: [order, shipment, shipping], store: store(url) })
  return [emaki, () => emaki.close()] as const
}

async function fill(url: string, many: number): Promise<void> {
  const emaki = await runtime({ serve: [order], store: store(url) })
  for (let i = 0; i < many; i += SLICES) {
    const slices = Array.from({ length: Math.min(SLICES, many - i) }, () => ({
      stream: `order-${Bun.randomUUIDv7()}`,
      expect: 0,
      events: [Order.Placed(basket())],
    }))
    const { outcome } = await emaki.append(slices)
    if (outcome !== 'appended') throw new Error(`an append was answered ${outcome}`)
  }
  await emaki.close()
}

/** What is wrong with what was sent: each order has one shipment, each instance its row, and nothing is left to be sent. */
async function checkSent(url: string, orders: number): Promise<string | null> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    const [found] = await sql<{ sent: number; rows: number; left: number }[]>`
      select
        (select count(*)::int from emaki.events s join emaki.events o on o.stream = 'order-' || substr(s.stream, 10) and o.version = 1
         where s.stream like 'shipment-%' and s.version = 1) as sent,
        (select count(*)::int from emaki.rows_process_shipping_v1) as rows,
        (select count(*)::int from emaki.agenda) as left`
    const { sent, rows, left } = found!
    if (sent === orders && rows === orders && left === 0) return null
    return `of ${orders} orders ${sent} were shipped, ${rows} have rows, and ${left} commands are left`
  } finally {
    await sql.end()
  }
}
