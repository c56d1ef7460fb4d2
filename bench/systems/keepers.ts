// W11: commands over many connections that stay open, at the rate that a few send.
import { readFileSync } from 'node:fs'
import type { Contestant, Sample } from '../contestant.ts'
import type { Pace, Paced } from '../children/keepers.ts'
import { cpuClock } from '../measure/cpu.ts'
import { connections } from '../measure/descriptors.ts'
import { checkLog } from './check-log.ts'
import { asked, serve } from './served.ts'

/** Commands a second, over all connections: far from saturation, so that what is measured is a command and not a queue. */
const RATE = 1_000

/** Valued by the 99th percentile of a command, in ms. */
export function keepers(wanted: { readonly full: number; readonly short: number }): Contestant {
  return {
    system: 'emaki',
    open: async arena => {
      const { many, note } = connections(arena.short ? wanted.short : wanted.full)
      const url = await arena.server.createDatabase('orders')
      const server = await serve('orders', { DATABASE_URL: url })
      const before = residentKilobytes(server.pid)
      const clients = await asked<Pace, Paced>('keepers', [String(server.port), String(many)])
      let each = 0
      let answered = 0
      const run = async (ms: number): Promise<Sample> => {
        const used = cpuClock(arena.server.pid, [server.pid])
        const { accepted, p50Ms, p99Ms } = await clients.ask({ rate: RATE, ms })
        const { appUs, serverUs } = used()
        answered += accepted
        each = Math.max(each, (residentKilobytes(server.pid) - before) / many)
        const us = serverUs === null ? null : serverUs / accepted
        return { value: p99Ms, p50Ms, p99Ms, events: accepted, appUs: appUs / accepted, serverUs: us }
      }
      return {
        run,
        check: () => checkLog(url, answered),
        note: () => [note, `${many} connections, ${each.toFixed(1)} KiB each, ${RATE} a second`].filter(Boolean).join('; '),
        close: async () => {
          await clients.end()
          await server.stop()
        },
      }
    },
  }
}

export function residentKilobytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
}
