// W10: events to many who listen, over sockets of a process of its own.
import { readFileSync } from 'node:fs'
import type { Expected, Heard } from '../children/listeners.ts'
import type { Arena, Contestant, Entrant, Sample } from '../contestant.ts'
import type { Plan } from '../duel.ts'
import { cpuClock } from '../measure/cpu.ts'
import { connections } from '../measure/descriptors.ts'
import { Latencies } from '../measure/latencies.ts'
import { isAsked, type Options } from '../options.ts'
import { plainRow, type Row } from '../row.ts'
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

const HEALTHY = 5
const STALLED = 20
/** More than the kernel keeps for a connection that nobody reads from. */
const FLOOD_BURSTS = 12
const FLOOD_EVENTS = 1_000
/** 10 s without taking anything, and what it takes to look. */
const CUT_MS_MAX = 13_000
const CUT_TIMEOUT_MS = 30_000

/** How long clients that take nothing any more are kept, beside some that get everything meanwhile. */
export async function stalled(arena: Arena, _: Plan, systems: Options['systems']): Promise<readonly Row[]> {
  if (!isAsked(systems, 'emaki')) return []
  const server = await serve('events', { DATABASE_URL: await arena.server.createDatabase('events') })
  const args = [String(server.port), String(HEALTHY), '/events?category=order', String(STALLED)]
  const clients = await asked<Expected, Heard>('listeners', args)
  const before = connectionsOf(server.port)
  let heard: Heard = { heard: 0, wrong: 0, missing: 0, closed: 0 }
  for (let i = 0; i < FLOOD_BURSTS; i++) {
    const all = clients.ask({ events: FLOOD_EVENTS })
    await fetch(`http://127.0.0.1:${server.port}/burst?events=${FLOOD_EVENTS}`, { method: 'POST' })
    heard = await all
  }
  const from = performance.now()
  // Ours to the server is among them.
  while (connectionsOf(server.port) > before - STALLED + 1 && performance.now() - from < CUT_TIMEOUT_MS) await Bun.sleep(50)
  const ms = performance.now() - from
  const left = connectionsOf(server.port)
  await clients.end()
  await server.stop()
  const place = { cell: 'W10', variant: 'stalled', unit: 'ms', target: '<= 1' }
  const kept = left > before - STALLED + 1 ? `${left - HEALTHY} stalled clients were not cut off` : null
  const note = `${STALLED} clients that take nothing, beside ${HEALTHY} that got ${FLOOD_BURSTS * FLOOD_EVENTS} events each`
  return [{ ...plainRow(place, 'emaki', ms, CUT_MS_MAX, note), wrong: problem(heard) ?? kept }]
}

/** Established connections of a server, as the kernel has them; a client that was cut off may not know yet. */
function connectionsOf(port: number): number {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map(line => line.trim().split(/\s+/))
    .filter(([, address, , state]) => address?.endsWith(local) && state === ESTABLISHED).length
}
const ESTABLISHED = '01'
