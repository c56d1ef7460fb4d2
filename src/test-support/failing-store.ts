// A store around another whose calls can be counted, held back and made to fail, before or after they took effect.
import { StoreError } from '../ports/store/errors.ts'
import type { Store } from '../ports/store/store.ts'
import type { Unit } from '../ports/store/unit.ts'

/** A fault of one call. It receives the real call and replaces it. */
export type Fault = <T>(call: () => Promise<T>) => Promise<T>
type FailingCall = 'open' | 'append' | 'load' | 'read' | 'readAll' | 'typesAt' | 'head' | 'ping' | 'forgetKeys' | 'saveSnapshots'

export type FailingStore = Store & {
  /** The store around which it is: what others use. */
  readonly inner: Store
  /** How often each was called. */
  readonly calls: Readonly<Record<FailingCall, number>>
  /** The units of each append, and the streams of the last load. */
  readonly appends: (readonly Unit[])[]
  readonly wanted: readonly string[]
  /** Faults for the next calls, one each, in this order. */
  next(call: FailingCall, ...faults: Fault[]): void
  /** A fault for every call from now on; null ends it. */
  always(call: FailingCall, fault: Fault | null): void
  /** Holds the next call back until it is opened. */
  hold(call: FailingCall): Gate
}

/** A gate at which a call waits. */
export type Gate = { readonly reached: Promise<void>; readonly open: () => void }

/** Nothing takes effect, and the call fails. */
export const failsBefore =
  (reason: StoreError['reason'] = 'unavailable'): Fault =>
  () =>
    Promise.reject(new StoreError(reason, 'made to fail before'))

/** The call takes effect, and fails. */
export const failsAfter =
  (reason: StoreError['reason'] = 'unknown'): Fault =>
  async call => {
    await call()
    throw new StoreError(reason, 'made to fail after')
  }

/** Somebody else comes first. */
export const comesAfter =
  (first: () => Promise<unknown>): Fault =>
  async call => {
    await first()
    return call()
  }

/** Wraps a store. Until it is told otherwise, it does what that one does. */
export function failingStore(store: Store): FailingStore {
  const calls: Record<FailingCall, number> = {
    open: 0,
    append: 0,
    load: 0,
    read: 0,
    readAll: 0,
    typesAt: 0,
    head: 0,
    ping: 0,
    forgetKeys: 0,
    saveSnapshots: 0,
  }
  const queued = new Map<FailingCall, Fault[]>()
  const lasting = new Map<FailingCall, Fault>()
  const appends: (readonly Unit[])[] = []
  let wanted: readonly string[] = []

  function runFault<T>(name: FailingCall, call: () => Promise<T>): Promise<T> {
    calls[name]++
    const fault = queued.get(name)?.shift() ?? lasting.get(name)
    return fault ? fault(call) : call()
  }

  function next(call: FailingCall, ...faults: Fault[]): void {
    queued.set(call, [...(queued.get(call) ?? []), ...faults])
  }

  return {
    inner: store,
    system: store.system,
    get identity() {
      return store.identity
    },
    get readModel() {
      return store.readModel
    },
    get agenda() {
      return store.agenda
    },
    get refusals() {
      return store.refusals
    },
    get samples() {
      return store.samples
    },
    get promises() {
      return store.promises
    },
    calls,
    appends,
    get wanted() {
      return wanted
    },
    next,
    always: (call, fault) => void (fault ? lasting.set(call, fault) : lasting.delete(call)),
    hold: call => {
      const reached = Promise.withResolvers<void>()
      const opened = Promise.withResolvers<void>()
      next(call, async run => {
        reached.resolve()
        await opened.promise
        return run()
      })
      return { reached: reached.promise, open: opened.resolve }
    },
    ...(store.takeTurn && { takeTurn: (stream: string) => store.takeTurn!(stream) }),
    open: () => runFault('open', () => store.open()),
    append: units => {
      appends.push(units)
      return runFault('append', () => store.append(units))
    },
    import: (records, options) => store.import(records, options),
    imports: () => store.imports(),
    endImport: name => store.endImport(name),
    load: (wanted_, keys) => {
      wanted = wanted_.map(({ stream }) => stream)
      return runFault('load', () => store.load(wanted_, keys))
    },
    read: (stream, options) => runFault('read', () => store.read(stream, options)),
    readAll: options => runFault('readAll', () => store.readAll(options)),
    streams: options => store.streams(options),
    typesAt: places => runFault('typesAt', () => store.typesAt(places)),
    head: () => runFault('head', () => store.head()),
    watch: (wake, report) => store.watch(wake, report),
    announce: head => store.announce(head),
    beginEpoch: () => store.beginEpoch(),
    saveSnapshots: snapshots => runFault('saveSnapshots', () => store.saveSnapshots(snapshots)),
    keys: options => store.keys(options),
    forgetKeys: () => runFault('forgetKeys', () => store.forgetKeys()),
    ping: () => runFault('ping', () => store.ping()),
    close: () => store.close(),
  }
}
