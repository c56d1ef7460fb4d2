// W10: events to many who listen, over sockets of a process of its own.
import type { Expected, Heard } from '../children/listeners.ts'
import type { Arena, Contestant, Entrant, Sample } from '../contestant.ts'
import { cpuClock } from '../measure/cpu.ts'
import { connections } from '../measure/descriptors.ts'
import { Latencies } from '../measure/latencies.ts'
import { checkLog } from './check-log.ts'
import { residentKilobytes } from './keepers.ts'
import { asked, serve } from './served.ts'

const LISTENERS = 10_000
const LISTENERS_SHORT = 1_000
/** Events that happen at once; the next ones come when all have heard of them. */
const BURST = 20
const MEMORY_KIB_MAX = 12

/** GET /events of Emaki. Valued by events that clients got, a second. */
export const listeners: Contestant = {
  system: 'emaki',
  open: async arena => {
    const url = await arena.server.createDatabase('events')
    return heardBy(arena, 'events', { DATABASE_URL: url }, events => checkLog(url, events))
  },
}

/** The same bytes from bare Bun.serve. */
export const bareListeners: Contestant = {
  system: 'bun',
  open: arena => heardBy(arena, 'bare-events', {}, async () => null),
}

async function heardBy(
  arena: Arena,
  child: string,
  env: Record<string, string>,
  checked: (events: number) => Promise<string | null>,
): Promise<Entrant> {
  const { many, note } = connections(arena.short ? LISTENERS_SHORT : LISTENERS)
  const server = await serve(child, env)
  const before = residentKilobytes(server.pid)
  const clients = await asked<Expected, Heard>('listeners', [String(server.port), String(many), '/events?category=order'])
  let happened = 0
  let each = 0
  let last: Heard = { heard: 0, wrong: 0, missing: 0, closed: 0 }
  const burst = async () => {
    const heard = clients.ask({ events: BURST })
    const answer = await fetch(`http://127.0.0.1:${server.port}/burst?events=${BURST}`, { method: 'POST' })
    if (!answer.ok) throw new Error(`events that were to happen were answered ${answer.status}`)
    happened += BURST
    last = await heard
    if (last.missing) throw new Error(problem(last)!)
  }
  const run = async (ms: number): Promise<Sample> => {
    const times = new Latencies()
    const used = cpuClock(null, [server.pid])
    const start = performance.now()
    while (performance.now() - start < ms) {
      const from = performance.now()
      await burst()
      times.add(performance.now() - from)
    }
    const seconds = (performance.now() - start) / 1_000
    const [p50Ms, p99Ms] = times.quantiles(0.5, 0.99) as [number, number]
    const events = times.count * BURST * many
    each = Math.max(each, (residentKilobytes(server.pid) - before) / many)
    return { value: events / seconds, p50Ms, p99Ms, events, appUs: used().appUs / events, serverUs: null }
  }
  return {
    run,
    check: async () => problem(last) ?? (await checked(happened)),
    note: () => [note, `${many} clients, ${BURST} events at once`, arena.short && 'SHORT'].filter(Boolean).join('; '),
    extras: () => [{ name: 'memory', unit: 'KiB', value: each, limit: MEMORY_KIB_MAX }],
    close: async () => {
      await clients.end()
      await server.stop()
    },
  }
}

function problem({ wrong, missing, closed }: Heard): string | null {
  return wrong + missing + closed ? `${missing} events missing, ${wrong} out of order, ${closed} connections closed` : null
}
