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

/** A message that prepares the append, with the name that it gives it; and how any statement begins. */
const PREPARED = /P.{4}(\w+)\0[^\0]*append_v4/s
const BEGINNING = /^[PBQ]/
/** A trial after a failure is an append, too, and none whose reply a test waits for. */
const TRIAL = 'health:'

export function replyLoss(proxy: FaultProxy): ReplyLoss {
  /** The name of the prepared append of each connection, and the connections whose last statement is one. */
  const names = new Map<number, string>()
  const appending = new Set<number>()
  let armed: { readonly how: Exclude<Verdict, 'forward'>; readonly onLost: () => void } | null = null
  let lost = 0
  proxy.onClientData((bytes, connection) => {
    const said = Buffer.from(bytes).toString('latin1')
    const name = PREPARED.exec(said)?.[1]
    if (name !== undefined) names.set(connection, name)
    const known = names.get(connection)
    const isAppend = name !== undefined || (known !== undefined && said.includes(`\0${known}\0`))
    if (isAppend && !said.includes(TRIAL)) appending.add(connection)
    else if (BEGINNING.test(said)) appending.delete(connection)
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
