import { type FaultProxy, startProxy, type Verdict } from '../../../test-support/servers/proxy.ts'
import type { RaceLog } from './race-log.ts'

/** A fault proxy before the database of a log. */
export function startRaceProxy({ url }: Pick<RaceLog, 'url'>): FaultProxy {
  const { hostname, port } = new URL(url)
  return startProxy({ host: hostname, port: Number(port) })
}

/** Loses the next reply to an append: its commit has happened, and nobody is told. */
export type ReplyLoss = {
  /** `cut`: with the connection; `drop`: the reply alone. `onLost` is called at that moment. */
  readonly next: (how: Exclude<Verdict, 'forward'>, onLost?: () => void) => void
  /** How many were lost so far. */
  readonly lost: () => number
}

export function replyLoss(proxy: FaultProxy): ReplyLoss {
  const appending = new Set<number>()
  let armed: { readonly how: Exclude<Verdict, 'forward'>; readonly onLost: () => void } | null = null
  let lost = 0
  // The statement is named where it is prepared, which is on the connection that appends.
  proxy.onClientData((bytes, connection) => {
    if (Buffer.from(bytes).includes('append_v3')) appending.add(connection)
    return 'forward'
  })
  proxy.onServerData((bytes, connection) => {
    if (!armed || !appending.has(connection) || !Buffer.from(bytes).includes('SELECT 1\0')) return 'forward'
    const { how, onLost } = armed
    armed = null
    lost++
    onLost()
    return how
  })
  return {
    next: (how, onLost = () => {}) => {
      armed = { how, onLost }
    },
    lost: () => lost,
  }
}
