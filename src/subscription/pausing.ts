// Pauses a subscription or a schedule: its lease is held by nobody's process, until somebody gives it back. So each node,
// also of an earlier release, waits for it, and no write of the former owner is accepted.
import { type LeaseHolder, type Leases, PAUSE_MS, PAUSED_OWNER } from '../ports/read-model/leases.ts'

/** The time to make it last, in ms. */
const TAKE_MS = 60_000
/** Nodes may take the lease that was just given up. */
const ATTEMPTS_MAX = 100

/** Whether a lease is held because its subscription is paused. */
export function isPause({ owner }: Pick<LeaseHolder, 'owner'>): boolean {
  return owner === PAUSED_OWNER
}

/** The leases that processes hold. */
export async function liveLeases(readModel: Pick<Leases, 'leases'>): Promise<readonly LeaseHolder[]> {
  return (await readModel.leases()).filter(one => one.leftMs > 0 && !isPause(one))
}

/** Takes the lease from its owner. False: it is paused already. */
export async function pauseLease(readModel: Leases, name: string): Promise<boolean> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const held = (await readModel.leases()).find(one => one.name === name && one.leftMs > 0)
    if (held && isPause(held)) return false
    if (held) await readModel.release(name, held.epoch)
    const lease = await readModel.acquire(name, { owner: PAUSED_OWNER, ttlMs: TAKE_MS, start: 0 })
    if (lease && (await readModel.renew(name, lease.epoch, PAUSE_MS))) return true
  }
  throw new Error(`the lease of ${name} could not be taken in ${ATTEMPTS_MAX} attempts`)
}

/** Gives the lease back. False: it is not paused. */
export async function resumeLease(readModel: Leases, name: string): Promise<boolean> {
  const held = (await readModel.leases()).find(one => one.name === name)
  if (!held || !isPause(held)) return false
  await readModel.release(name, held.epoch)
  return true
}
