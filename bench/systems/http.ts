import type { Arena, Contestant, Sample } from '../contestant.ts'
import { cpuClock } from '../measure/cpu.ts'
import { httpLoad } from '../measure/http-load.ts'
import type { Loaded } from '../measure/load.ts'
import { basket } from '../order.ts'
import { checkLog } from './check-log.ts'
import { serve } from './served.ts'

const CONNECTIONS = 64

/** L8: bare Bun.serve that echoes JSON. */
export const bare: Contestant = { system: 'bun', open: arena => served(arena, 'bare', null) }
/** L9: Hono with one zod validator that echoes JSON. */
export const honoEcho: Contestant = { system: 'hono', open: arena => served(arena, 'hono-echo', null) }
/** W8: POST /order/{id}/place of Emaki, a new order each time. */
export const orders: Contestant = {
  system: 'emaki',
  open: async arena => served(arena, 'orders', await arena.server.createDatabase('orders')),
}

async function served(arena: Arena, child: string, url: string | null): ReturnType<Contestant['open']> {
  const { port, pid, stop } = await serve(child, url === null ? {} : { DATABASE_URL: url })
  const load = { port, before: '/order/', after: '/place', body: JSON.stringify(basket()), connections: CONNECTIONS }
  let answered = 0
  let runs = 0
  const run = async (ms: number): Promise<Sample> => {
    const used = cpuClock(url === null ? null : arena.server.pid, [pid])
    const loaded = await httpLoad(load, ms)
    if (loaded.failed) throw new Error(`${loaded.failed} of ${loaded.requests} requests failed`)
    answered += loaded.requests
    runs++
    return sampleOf(loaded, used())
  }
  // wrk leaves without the answers to its last requests, so up to one for each connection may be stored and not counted.
  const check = async () => (url === null ? null : checkLog(url, { min: answered, max: answered + runs * CONNECTIONS }))
  return { run, check, close: stop }
}

function sampleOf({ requests, seconds, p50Ms, p99Ms }: Loaded, used: { appUs: number; serverUs: number | null }): Sample {
  return {
    value: requests / seconds,
    p50Ms,
    p99Ms,
    events: requests,
    appUs: used.appUs / requests,
    serverUs: used.serverUs === null ? null : used.serverUs / requests,
  }
}
