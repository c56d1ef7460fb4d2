import { runtime } from 'emaki'
import { postgres } from 'emaki/postgres'
import type { Contestant } from '../contestant.ts'
import { driven, valuedAtRate } from '../measure/driven.ts'
import { order } from '../order.ts'
import { checkLog } from './check-log.ts'
import { appending } from './emaki.ts'
import { EVENTS_EACH, seed } from './seed.ts'

/** Appends a second, far below saturation, so that what is measured is an append and not a queue. */
const RATE = 400

/** Emaki on a log that has so many events already; valued by the median time of an append, at a fixed rate. */
export function grown(events: { readonly full: number; readonly short: number }): Contestant {
  return valuedAtRate(RATE, {
    system: 'emaki',
    open: async ({ server, short }) => {
      const url = await server.createDatabase('grown')
      const seeded = await seed(url, (short ? events.short : events.full) / EVENTS_EACH)
      const emaki = await runtime({ serve: [order], store: postgres(url) })
      const { act, acked } = appending(emaki, 1)
      return driven(
        { act, callers: 1, events: 1, postmaster: server.pid },
        { check: () => checkLog(url, seeded + acked()), note: () => `${seeded} events`, close: () => emaki.close() },
      )
    },
  })
}
