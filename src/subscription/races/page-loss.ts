import type { FaultProxy, Verdict } from '../../test-support/servers/proxy.ts'

type PageLoss = { readonly next: (how: Exclude<Verdict, 'forward'>) => void; readonly lost: () => number }

/** Loses the next reply to a page that has been written, one statement or a whole transaction. */
export function pageLoss(proxy: FaultProxy): PageLoss {
  const writing = new Set<number>()
  let armed: Exclude<Verdict, 'forward'> | null = null
  let lost = 0
  // The statement is named where it is prepared, which is on the connection that writes.
  proxy.onClientData((bytes, connection) => {
    if (Buffer.from(bytes).includes('.checkpoints set position')) writing.add(connection)
    return 'forward'
  })
  proxy.onServerData((bytes, connection) => {
    const said = Buffer.from(bytes)
    if (!armed || !writing.has(connection) || !COMMITTED.some(end => said.includes(end))) return 'forward'
    const how = armed
    armed = null
    lost++
    return how
  })
  return {
    next: how => {
      armed = how
    },
    lost: () => lost,
  }
}

/** How the server says that a page is written: a statement outside of a transaction that gave a row, or the end of one. */
const COMMITTED = ['SELECT 1\0Z\0\0\0\x05I', 'COMMIT\0']
