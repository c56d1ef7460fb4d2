// W21: from the end of the node that runs a process until the next command of the process is durable, by another node.
import { readFileSync } from 'node:fs'
import { runtime } from 'emaki'
import { postgres as store } from 'emaki/postgres'
import postgres from 'postgres'
import type { Arena } from '../contestant.ts'
import type { Plan } from '../duel.ts'
import { median } from '../measure/statistics.ts'
import { isAsked, type Options } from '../options.ts'
import { basket, order } from '../order.ts'
import { plainRow, type Row } from '../row.ts'
import { STOPS } from '../shipping.ts'
import { type ServedChild, serve } from './served.ts'

const TAKEOVER_MS_MAX = 4_000
const EVERY_MS = 5
const POLL_MS = 5
/** What the server was told before the node ended may come to its end until then. */
const SETTLES_MS = 50
const TIMEOUT_MS = 60_000
const ROUNDS = 5
const ROUNDS_SHORT = 2

type End = 'kill' | 'stop'

/** Orders go on being placed by this process. A node is killed, or stops where it folds an order, in the middle of a page. */
export function takeover(how: End) {
  return async (arena: Arena, _: Plan, systems: Options['systems']): Promise<readonly Row[]> => {
    if (!isAsked(systems, 'emaki')) return []
    const url = await arena.server.createDatabase('takeover')
    const emaki = await runtime({ serve: [order], store: store(url) })
    const sql = postgres(url, {
      max: 1,
      onnotice: () => {},
      connection: { search_path: 'emaki', enable_seqscan: 'off' } as object,
    })
    const env = { DATABASE_URL: url }
    const nodes = [await serve('shipper', env), await serve('shipper', env)]
    let placed = 0
    const place = async (customerId = 'c') => {
      const { outcome } = await emaki.send(order.place(Bun.randomUUIDv7(), { ...basket(), customerId }))
      if (outcome !== 'accepted') throw new Error(`an order was answered ${outcome}`)
      placed++
    }
    let isOver = false
    const placing = (async () => {
      while (!isOver) await Promise.all([place(), Bun.sleep(EVERY_MS)])
    })()
    const times: number[] = []
    for (let i = 0; i < (arena.short ? ROUNDS_SHORT : ROUNDS); i++) {
      await sentAfter(sql, await headOf(sql))
      const owner = await ownerOf(sql)
      const node = nodes.find(({ pid }) => pid === owner)!
      times.push(await ended(sql, node, how, () => place(`${STOPS}${node.pid}`)))
      if (how === 'stop') process.kill(node.pid, 'SIGCONT')
      else nodes.splice(nodes.indexOf(node), 1, await serve('shipper', env))
    }
    isOver = true
    await placing
    const wrong = await check(sql, placed)
    await Promise.all(nodes.map(node => node.stop()))
    await emaki.close()
    await sql.end()
    const place_ = { cell: 'W21', variant: how, unit: 'ms', target: '<= 1' }
    const note = `max ${Math.max(...times).toFixed(0)} ms of ${times.length}, a lease of 2 s`
    return [{ ...plainRow(place_, 'emaki', median(times), TAKEOVER_MS_MAX, note), p50Ms: median(times), wrong }]
  }
}

async function headOf(sql: postgres.Sql): Promise<number> {
  const [row] = await sql<{ head: number }[]>`select coalesce(max(position), 0)::float8 as head from events`
  return row!.head
}

/** The pid of the node that has the lease. */
async function ownerOf(sql: postgres.Sql): Promise<number> {
  const [lease] = await sql<{ owner: string | null }[]>`select owner from leases where name = 'process_shipping'`
  return Number(lease?.owner?.split('.')[0])
}

async function ended(sql: postgres.Sql, node: ServedChild, how: End, stops: () => Promise<void>): Promise<number> {
  if (how === 'kill') process.kill(node.pid, 'SIGKILL')
  else {
    await stops()
    while (!isStopped(node.pid)) await Bun.sleep(1)
  }
  const from = performance.now()
  await Bun.sleep(SETTLES_MS)
  await sentAfter(sql, await headOf(sql))
  return performance.now() - from
}

function isStopped(pid: number): boolean {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T')
}

async function sentAfter(sql: postgres.Sql, position: number): Promise<void> {
  for (const end = performance.now() + TIMEOUT_MS; ; await Bun.sleep(POLL_MS)) {
    const [row] = await sql`select from events where position > ${position} and type = 'Sent' limit 1`
    if (row) return
    if (performance.now() > end) throw new Error('nobody took the process over')
  }
}

/** What is wrong with what was sent: one shipment for each order. */
async function check(sql: postgres.Sql, placed: number): Promise<string | null> {
  let found = { sent: 0, streams: 0 }
  for (const end = performance.now() + TIMEOUT_MS; performance.now() < end; await Bun.sleep(100)) {
    const [row] = await sql<(typeof found)[]>`
      select count(*)::int as sent, count(distinct stream)::int as streams from events where type = 'Sent'`
    found = row!
    if (found.sent >= placed) break
  }
  const { sent, streams } = found
  return sent === placed && streams === placed ? null : `of ${placed} orders ${streams} were shipped, by ${sent} events`
}
