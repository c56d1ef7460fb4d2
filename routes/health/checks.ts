// The entries of an answer about readiness: one for each part of the app.
import type { Services } from '../../src/runtime.ts'
import type { Status } from '../../src/subscription/status.ts'

/** One part of the app. What else it says depends on the part. */
export type PartCheck = {
  readonly componentType: 'datastore' | 'component'
  readonly status: 'pass' | 'warn' | 'fail'
  readonly [member: string]: unknown
}
/** Parts by their kind. */
export type PartChecks = Readonly<Record<string, readonly PartCheck[]>>

export function hasParked({ parkedKeys, parkedStreams }: Status): boolean {
  return parkedKeys + parkedStreams > 0
}

export function needsCare(status: Status): boolean {
  return hasParked(status) || status.retrying > 0 || status.isPaused || status.failure !== null
}

/** The parts that everybody sees: the store, and all that reads the log. `checkOf` makes the entry of one that reads. */
export function checksOf(
  { store }: Services,
  status: readonly Status[],
  checkOf: (found: Status) => PartCheck = readerCheck,
): PartChecks {
  const checks = (kind: Status['definition']['kind']) => status.filter(({ definition }) => definition.kind === kind).map(checkOf)
  return withoutEmpty({
    store: [{ componentType: 'datastore', status: 'pass', system: store.system }],
    projections: checks('projection'),
    processors: checks('processor'),
    sqlProjections: checks('sql-projection'),
    processes: checks('process'),
    schedules: checks('schedule'),
  })
}

export function withoutEmpty(checks: PartChecks): PartChecks {
  return Object.fromEntries(Object.entries(checks).filter(([, found]) => found.length > 0))
}

/** A projection serves its rows even if keys are parked, or if it is behind. */
export function readerCheck(found: Status): PartCheck {
  const { definition, isServing, isPaused, passedOver, failure, ...rest } = found
  const { position, lagEvents, lagSeconds, parkedKeys, parkedStreams, retrying } = rest
  const status = !isServing ? 'fail' : needsCare(found) ? 'warn' : 'pass'
  const isSchedule = definition.kind === 'schedule'
  const counts = isSchedule ? {} : { position, lagEvents, lagSeconds, parkedKeys, parkedStreams, retrying }
  const own = {
    ...(definition.kind === 'process' && { passedOver }),
    ...(isPaused && { isPaused }),
    ...(failure !== null && { failure }),
  }
  return { componentType: 'component', status, name: definition.name, ...counts, ...own }
}
