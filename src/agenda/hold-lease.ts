// Holds a lease as long as this process runs, or waits for it.
import { WakingSleep } from '../lib/waking-sleep.ts'
import type { ReadModel } from '../ports/read-model/read-model.ts'
import { Episode } from '../ports/report/episode.ts'
import type { Report } from '../ports/report/notice.ts'

export type HoldLeaseOptions = {
  readonly readModel: Pick<ReadModel, 'acquire' | 'renew' | 'release'>
  readonly name: string
  /** The name of this process, as an owner of leases. */
  readonly owner: string
  readonly leaseMs: number
  readonly report: Report
  /** What the lease is on, as in `the lease on …`, and what waits meanwhile. */
  readonly what: string
  readonly mend: string
  /** Begins the work under a lease that was just taken. If it throws, the lease is taken anew. */
  readonly begin: (epoch: number) => Promise<void>
  /** Called while the lease is held, as often as it is renewed. */
  readonly onHeld?: () => Promise<void>
  /** Ends the work. */
  readonly end: () => Promise<void>
  /** The wait between two looks at the lease. Default: one that nobody ends. */
  readonly waiting?: WakingSleep
}

/** Another process, or a pause, has the lease. That is no failure. */
export class LeaseLost extends Error {}

/** Resolves after the signal aborted, when the work has ended and the lease is given back. */
export async function holdLease(options: HoldLeaseOptions, signal: AbortSignal): Promise<void> {
  const { readModel, name, leaseMs, report, what, mend, onHeld, end, waiting = new WakingSleep() } = options
  const failing = new Episode({ report, what: `The lease on ${what} could not be held`, mend })
  let epoch: number | null = null
  while (!signal.aborted) {
    try {
      const isHeld = epoch !== null && (await readModel.renew(name, epoch, leaseMs))
      if (!isHeld) {
        if (epoch !== null) await end()
        epoch = null
        epoch = await takeLease(options)
      }
      if (epoch !== null) await onHeld?.()
      failing.succeed()
    } catch (error) {
      if (!(error instanceof LeaseLost)) failing.fail(error)
    }
    await waiting.sleep(leaseMs / 4, signal)
  }
  await end()
  if (epoch !== null) await readModel.release(name, epoch).catch(report)
}

/** Takes the lease and begins the work. Null: another owner has it. */
async function takeLease({ readModel, name, owner, leaseMs, begin }: HoldLeaseOptions): Promise<number | null> {
  const lease = await readModel.acquire(name, { owner, ttlMs: leaseMs, start: 0 })
  if (lease) await begin(lease.epoch)
  return lease?.epoch ?? null
}
