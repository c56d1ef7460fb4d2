import { type ScheduleSpec, scheduleOwner } from '../definitions/schedule.ts'
import type { LeaseHolder } from '../ports/read-model/leases.ts'
import type { Store } from '../ports/store/store.ts'
import { isPause } from './pausing.ts'
import type { Subscription } from './subscription.ts'

/** The status of one subscription or schedule. A schedule has no position, and so no lag: they are 0. */
export type Status = {
  /** The name of the subscription, or of the schedule's lease. Each version of a projection has one. */
  readonly name: string
  /** The definition that the subscription belongs to. */
  readonly definition: {
    readonly kind: 'projection' | 'processor' | 'sql-projection' | 'process' | 'schedule'
    readonly name: string
  }
  readonly position: number
  /** How many events of the log it has not handled, at most. */
  readonly lagEvents: number
  /** How long the first unhandled event has been in the log, in seconds. */
  readonly lagSeconds: number
  readonly parkedKeys: number
  readonly parkedStreams: number
  /** How many keys and streams are being handled again, after a failure or because somebody asked. */
  readonly retrying: number
  /** A process: how many facts found no instance and began none, since this process runs it. Otherwise 0. */
  readonly passedOver: number
  /** Whether this process runs the subscription. */
  readonly isOwner: boolean
  /** Whether somebody has paused it, until it is resumed. */
  readonly isPaused: boolean
  /** Why this process, which runs it, cannot go on for now and tries again and again. Null: there is no such failure. */
  readonly failure: string | null
  /** Whether the definition uses this subscription now. For a projection: whether its rows serve. */
  readonly isServing: boolean
}

/** A subscription with its definition. */
export type DefinedSubscription<S = Subscription> = Pick<Status, 'definition' | 'isServing'> & {
  readonly subscription: S
  readonly passedOver?: () => number
}
type Followed = DefinedSubscription<Pick<Status, 'name' | 'position' | 'lagEvents' | 'isOwner' | 'failure'>>

export type StatusSources = {
  readonly store: Store
  readonly now: () => number
  readonly subscriptions: readonly Followed[]
  readonly schedules: readonly Pick<ScheduleSpec, 'name'>[]
  /** The name of this process, as an owner of leases. Null: it owns none. */
  readonly owner: string | null
}

/** Reads the status of some subscriptions and schedules. Rejects with the store's error. */
export async function readStatus(options: StatusSources): Promise<readonly Status[]> {
  const { store, now, subscriptions: all, schedules, owner } = options
  const { readModel } = store
  const [seconds, counts, leases] = await Promise.all([
    readLagSeconds(store, now, all),
    readModel.parkedCounts(),
    readModel.leases(),
  ])
  const paused = new Set(leases.filter(isPause).map(({ name }) => name))
  const followed = all.map(({ definition, subscription, isServing, passedOver = () => 0 }, i) => {
    const { name, position, lagEvents, isOwner, failure } = subscription
    const { keys = 0, streams = 0, retrying = 0 } = counts.find(count => count.name === name) ?? {}
    const lag = { lagEvents, lagSeconds: lagEvents ? seconds[i]! : 0 }
    const missed = { parkedKeys: keys, parkedStreams: streams, retrying, passedOver: passedOver() }
    return { name, definition, position, ...lag, ...missed, isOwner, isPaused: paused.has(name), failure, isServing }
  })
  return [...followed, ...schedules.map(({ name }) => scheduleStatus(name, leases, owner))]
}

function scheduleStatus(name: string, leases: readonly LeaseHolder[], owner: string | null): Status {
  const lease = leases.find(one => one.name === scheduleOwner({ name }))
  return {
    ...{ name: scheduleOwner({ name }), definition: { kind: 'schedule', name } },
    ...{ position: 0, lagEvents: 0, lagSeconds: 0, parkedKeys: 0, parkedStreams: 0, retrying: 0, passedOver: 0 },
    ...{ isOwner: lease !== undefined && lease.owner === owner, isPaused: lease !== undefined && isPause(lease) },
    ...{ failure: null, isServing: true },
  }
}

/**
 * How long the first unhandled event of each has been in the log. Subscriptions at the same position share one read.
 */
function readLagSeconds(store: Store, now: () => number, all: readonly Followed[]): Promise<readonly number[]> {
  const reads = new Map<number, Promise<number>>()
  const read = async (after: number) => {
    const [first] = await store.readAll({ after, limit: 1 })
    return first ? Math.max(0, now() - Date.parse(first.at)) / 1_000 : 0
  }
  return Promise.all(
    all.map(({ subscription: { position, lagEvents } }) => {
      if (lagEvents === 0) return 0
      const found = reads.get(position) ?? read(position)
      reads.set(position, found)
      return found
    }),
  )
}
