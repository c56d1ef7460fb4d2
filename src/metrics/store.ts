// Measures the calls of a store, whichever it is. What it may be called by the names below is a closed list.
import { keep } from '../ports/metrics/keep.ts'
import type { Meter } from '../ports/metrics/meter.ts'
import { StoreError } from '../ports/store/errors.ts'
import type { Store } from '../ports/store/store.ts'
import { type Trace, untraced } from '../ports/trace/trace.ts'

type Part = 'readModel' | 'agenda' | 'refusals' | 'samples' | 'promises'

/** What is measured of the store itself. */
const LOG_CALLS: readonly (keyof Store)[] = [
  'append',
  'load',
  'read',
  'readAll',
  'streams',
  'typesAt',
  'head',
  'ping',
  'saveSnapshots',
  'keys',
  'forgetKeys',
]
/** What is measured of its parts. */
const PART_CALLS: { readonly [P in Part]: readonly (keyof Store[P])[] } = {
  readModel: [
    'prepare',
    'drop',
    'tables',
    'serving',
    'serve',
    'rows',
    'get',
    'list',
    'count',
    'tally',
    'acquire',
    'renew',
    'release',
    'leases',
    'suspect',
    'commit',
    'progress',
    'reset',
    'parked',
    'parkedCounts',
    'unpark',
    'fingerprints',
    'setFingerprints',
  ],
  agenda: ['schedule', 'due', 'begin', 'done', 'end', 'find', 'remove', 'list', 'count', 'renewKeys', 'forget'],
  refusals: ['add', 'list', 'forget'],
  samples: ['add', 'list', 'forget'],
  promises: ['addBreach', 'breaches', 'forgetBreaches', 'seal', 'sealFrom', 'lastSeal', 'forgetSeals'],
}

type Call = (...values: unknown[]) => unknown
/** Makes of a member of a store what is given in its place. */
type Replace = (name: PropertyKey, member: unknown) => unknown

/** Calls that have a step of their own, which knows whom a batch serves. */
const OWN_STEPS: readonly PropertyKey[] = ['append', 'load']

/**
 * The store, with its calls measured, and with what it measures itself. Where a trace is recorded, a call that somebody
 * waits for is also a step of it.
 */
export function measureStore(store: Store, meter: Meter, trace: Trace = untraced): Store {
  store.measureWith?.(meter)
  const traced = (operation: string, call: Call): Call => {
    if (!trace.isRecording || OWN_STEPS.includes(operation)) return call
    const attributes = { 'db.system.name': store.system, 'db.operation.name': operation }
    return (...values) => trace.step('statement', [trace.current()], attributes, () => call(...values))
  }
  const durations = keep(operation =>
    keep(error => meter.histogram('db.client.operation.duration', operation, store.system, error)),
  )
  const time =
    (operation: string, call: Call): Call =>
    (...values) => {
      const began = performance.now()
      const end = (error: string) => durations(operation)(error).record((performance.now() - began) / 1_000)
      const result = call(...values)
      // A branch of its own, so that the caller's promise settles as soon as it would without.
      if (result instanceof Promise)
        result.then(
          () => end(''),
          error => end(errorTypeOf(error)),
        )
      return result
    }
  const timed = (prefix: string, calls: readonly PropertyKey[], call: Call, name: PropertyKey) =>
    calls.includes(name) ? time(prefix + String(name), traced(prefix + String(name), call)) : call
  const part = (of: Part, target: object) =>
    withReplaced(target, (name, member) => (isCall(member) ? timed(`${of}.`, PART_CALLS[of], member.bind(target), name) : member))
  return withReplaced(store, (name, member) => {
    if (isCall(member)) return timed('', LOG_CALLS, member.bind(store), name)
    return isPart(name) ? part(name, member as object) : member
  })
}

const isCall = (member: unknown): member is Call => typeof member === 'function'
const isPart = (name: PropertyKey): name is Part => typeof name === 'string' && Object.hasOwn(PART_CALLS, name)

/** A closed list: why a call of a store can fail, and all else. */
function errorTypeOf(error: unknown): string {
  return error instanceof StoreError ? error.reason : '_OTHER'
}

/** An object whose members are replaced. Each is replaced once, and again if it has changed. */
function withReplaced<T extends object>(target: T, replace: Replace): T {
  const known = new Map<PropertyKey, { readonly member: unknown; readonly given: unknown }>()
  return new Proxy(target, {
    get: (_, name) => {
      const member: unknown = Reflect.get(target, name, target)
      const found = known.get(name)
      if (found && found.member === member) return found.given
      const given = replace(name, member)
      known.set(name, { member, given })
      return given
    },
  })
}
