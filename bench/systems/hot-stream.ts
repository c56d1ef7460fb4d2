import { type Runtime, runtime } from 'emaki'
import { postgres } from 'emaki/postgres'
import type { Arena, Contestant, Extra } from '../contestant.ts'
import { driven } from '../measure/driven.ts'
import { basket, order } from '../order.ts'
import { checkLog } from './check-log.ts'
import { countAttempts } from './counted-store.ts'

export const HOT = 'hot'

/** What became of the commands that were sent to the one stream. */
export type Tally = { readonly acked: number; readonly conflicts: number; readonly attempts: number }

/** One process that commands one stream: opened once, driven several times. */
export type HotStream = { readonly act: () => Promise<void>; readonly tally: () => Tally; readonly close: () => Promise<void> }

export async function hotStream(url: string, id: string = HOT): Promise<HotStream> {
  const { store, attempts } = countAttempts(postgres(url))
  const emaki = await runtime({ serve: [order], store })
  let acked = 0
  let conflicts = 0
  const act = async () => {
    const { outcome } = await emaki.send(order.revise(id, basket()))
    if (outcome === 'accepted') acked++
    else if (outcome === 'conflict') conflicts++
    else throw new Error(`a command on the hot stream was answered ${outcome}`)
  }
  return { act, tally: () => ({ acked, conflicts, attempts: attempts() }), close: () => emaki.close() }
}

/** Many callers in one process, one stream. */
export function oneProcess(callers: number): Contestant {
  return {
    system: 'emaki',
    open: async arena => {
      const url = await placed(arena)
      const { act, tally, close } = await hotStream(url)
      return driven(
        { act, callers, events: 1, postmaster: arena.server.pid },
        { check: () => checkLog(url, tally().acked + 1), extras: () => extrasOf(tally()), close },
      )
    },
  }
}

/** A fresh database in which these orders are placed. */
export async function placed({ server }: Arena, ids: readonly string[] = [HOT]): Promise<string> {
  const url = await server.createDatabase('hot')
  const emaki: Runtime = await runtime({ serve: [order], store: postgres(url) })
  for (const id of ids) await emaki.send(order.place(id, basket()))
  await emaki.close()
  return url
}

export function extrasOf({ acked, conflicts, attempts }: Tally): readonly Extra[] {
  return [
    { name: 'attempts', unit: 'a command', value: attempts / acked, limit: 1 },
    { name: 'conflicts', unit: 'of all', value: conflicts, limit: 0 },
  ]
}
