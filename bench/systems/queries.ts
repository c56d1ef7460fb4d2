// W9: GET /order-summary?customerId= of examples/marketplace, answered from a cache.
import type { Contestant, Entrant, Sample } from '../contestant.ts'
import { startRedis } from '../limits/l10-redis.ts'
import { cpuClock } from '../measure/cpu.ts'
import { httpLoad } from '../measure/http-load.ts'
import { median } from '../measure/statistics.ts'
import { type ServedChild, serve } from './served.ts'

const PATH = '/order-summary?customerId='
const CONNECTIONS = 64
const P99_MS_MAX = 5
/** Answers in Redis: more than are asked for in a run, so that none of them is in memory already. */
const CUSTOMERS = 60_000
const CUSTOMERS_SHORT = 8_000

/** A bare Hono route with the same answer. */
export const honoSummary: Contestant = {
  system: 'hono',
  open: async () => {
    const server = await serve('hono-summary', {})
    return { ...asking(() => server, 'c', 0), check: () => checkAnswer(server, 'c0', null), close: server.stop }
  },
}

/** One answer, kept in the memory of the process. */
export const kept: Contestant = {
  system: 'emaki',
  open: async arena => {
    const server = await serve('marketplace', { DATABASE_URL: await arena.server.createDatabase('queries') })
    // Asked for once, it is there.
    await checkAnswer(server, 'c0', null)
    return { ...asking(() => server, 'c0', 0), check: () => checkAnswer(server, 'c0', 'hit'), close: server.stop }
  },
}

/** Answers that another process has put into Redis, each asked for once by a process that has none yet. */
export const shared: Contestant = {
  system: 'emaki',
  open: async arena => {
    const redis = await startRedis()
    const env = {
      DATABASE_URL: await arena.server.createDatabase('queries'),
      REDIS_URL: `redis://127.0.0.1:${redis.port}`,
    }
    const customers = arena.short ? CUSTOMERS_SHORT : CUSTOMERS
    await fill(env, customers)
    let server = await serve('marketplace', env)
    let again = 0
    const load = asking(() => server, 'c', customers)
    const run = async (ms: number): Promise<Sample> => {
      await server.stop()
      server = await serve('marketplace', env)
      const first = await checkAnswer(server, `c${customers - 1}`, 'hit')
      if (first !== null) throw new Error(first)
      const sample = await load.run(ms)
      again = Math.max(again, sample.events - customers)
      return sample
    }
    return {
      ...load,
      run,
      check: () => checkAnswer(server, 'c1', 'hit'),
      note: () => (again > 0 ? `${again} answers were in memory already` : ''),
      close: async () => {
        await server.stop()
        await redis.stop()
      },
    }
  },
}

/** `ids`: how many customers there are, asked for in turn; 0: the one that `customer` names. */
function asking(server: () => ServedChild, customer: string, ids: number): Pick<Entrant, 'run' | 'extras'> {
  const p99s: number[] = []
  const run = async (ms: number): Promise<Sample> => {
    const used = cpuClock(null, [server().pid])
    const { port } = server()
    const loaded = await httpLoad({ port, before: PATH + customer, after: '', body: null, ids, connections: CONNECTIONS }, ms)
    const { requests, seconds, p50Ms, p99Ms, failed } = loaded
    if (failed) throw new Error(`${failed} of ${requests} requests failed`)
    p99s.push(p99Ms)
    return { value: requests / seconds, p50Ms, p99Ms, events: requests, appUs: used().appUs / requests, serverUs: null }
  }
  // The first is the warm-up.
  const extras = () => [{ name: 'p99', unit: 'ms', value: median(p99s.slice(1)), limit: P99_MS_MAX }]
  return { run, extras }
}

async function fill(env: Record<string, string>, customers: number): Promise<void> {
  const server = await serve('marketplace', env)
  let next = 0
  const asks = async () => {
    while (next < customers) await (await fetch(`http://127.0.0.1:${server.port}${PATH}c${next++}`)).arrayBuffer()
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, asks))
  await server.stop()
}

/** Asks once: what is wrong with the answer, or where it came from. */
async function checkAnswer({ port }: ServedChild, customerId: string, from: 'hit' | null): Promise<string | null> {
  const answer = await fetch(`http://127.0.0.1:${port}${PATH}${customerId}`)
  const text = await answer.text()
  const status = answer.headers.get('cache-status')
  if (text !== JSON.stringify({ customerId, orders: 0, open: 0, spend: 0 })) return `the answer was ${answer.status}: ${text}`
  return from === null || status?.includes(from) ? null : `an answer that is kept came with Cache-Status: ${status}`
}
