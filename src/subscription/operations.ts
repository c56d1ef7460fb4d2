// What somebody does to subscriptions, from code or from the command line, whichever process runs them.
import type { Definition } from '../definitions/definition.ts'
import { subscriptionOf as subscriptionOfProcess } from '../definitions/process/instance.ts'
import { projectionOf, tableOf } from '../definitions/projection/projection.ts'
import { subscriptionOf as subscriptionOfSql } from '../definitions/projection/sql-projection.ts'
import { scheduleOwner } from '../definitions/schedule.ts'
import type { Again, Parked } from '../ports/read-model/parked.ts'
import type { Store } from '../ports/store/store.ts'
import { isPause, pauseLease, resumeLease } from './pausing.ts'
import { isTableOf } from './projection-versions.ts'
import { readStatus, type Status } from './status.ts'

/** A definition that has subscriptions. */
export type Followed = Extract<Definition, { readonly kind: 'projection' | 'processor' | 'sql-projection' | 'process' }>
type Pausable = Followed | Extract<Definition, { readonly kind: 'schedule' }>

/** An operation that cannot be done, such as on an unknown name. */
export class OperationRefused extends TypeError {}

const FOLLOWED = ['projection', 'processor', 'sql-projection', 'process']

export function isFollowed(one: Definition): one is Followed {
  return FOLLOWED.includes(one.kind) && !('live' in one && one.live)
}

export class Operations {
  readonly #store: Store
  readonly #all: readonly Pausable[]

  constructor(store: Store, definitions: Iterable<Definition>) {
    this.#store = store
    this.#all = [...definitions].filter((one): one is Pausable => one.kind === 'schedule' || isFollowed(one))
  }

  /** Reads the status of each subscription and schedule from the store. Only the process that runs one knows why it fails. */
  status = async (): Promise<readonly Status[]> => {
    const head = await this.#store.head()
    const all = await Promise.all(this.#all.filter(isFollowed).map(one => this.#definedOf(one, head)))
    const schedules = this.#all.filter(one => one.kind === 'schedule')
    return readStatus({ store: this.#store, now: Date.now, subscriptions: all.flat(), schedules, owner: null })
  }

  /** Lists the parked keys and streams, with those in retry: all of them, or those of one definition. */
  parked = async (name?: string): Promise<readonly Parked[]> => {
    const names = name === undefined ? null : await this.#subscriptionsOf(this.#find(name), name)
    return (await this.#store.readModel.parked()).filter(one => !names || names.includes(one.name))
  }

  /** Has parked keys handled again, after the cause is mended: one, or all. Gives their number. */
  unpark = (name: string, key?: string): Promise<number> => this.#ask(name, key)

  /** Has the event passed over at which a key is parked, and the events after it handled. Gives the number of keys. */
  skip = (name: string, key: string): Promise<number> => this.#ask(name, key, 'skip')

  /**
   * Stops a projection, a processor, a process or a schedule, whichever process runs it, until `resume`. A restart does
   * not end it. An event that is just being handled may be handled again after `resume`. False: it is paused already.
   */
  pause = async (name: string): Promise<boolean> => {
    const names = await this.#begunOf(name)
    return (await Promise.all(names.map(one => pauseLease(this.#store.readModel, one)))).some(Boolean)
  }

  /** Lets what is paused go on where it stopped. False: it is not paused. */
  resume = async (name: string): Promise<boolean> => {
    const names = await this.#subscriptionsOf(this.#find(name), name)
    return (await Promise.all(names.map(one => resumeLease(this.#store.readModel, one)))).some(Boolean)
  }

  /**
   * Moves a processor to a position, or a projection to 0 (its default), whichever process runs it. It handles all
   * later events again. A projection takes no other position, because its rows are the fold of all events. Gives the name
   * of the subscription. Rejects with a TypeError for another position or name, for a processor without a position, and
   * for what is paused.
   */
  reset = async (name: string, given?: number): Promise<string> => {
    const position = given ?? 0
    const one = this.#find(name)
    if (one.kind === 'schedule') throw new OperationRefused(`${one.name} is a schedule: it has no position`)
    // It would send old commands again, and their keys are no longer known.
    if (one.kind === 'process')
      throw new OperationRefused(`${one.name} is a process: raise its version, and its states are made again`)
    // Each event may have an effect outside, such as a mail.
    if (given === undefined && one.kind === 'processor')
      throw new OperationRefused(
        `${one.name} is a processor: give the position after which it goes on; 0 handles every event again`,
      )
    if (position !== 0 && one.kind !== 'processor')
      throw new OperationRefused(`${one.name} has rows: it can only begin again at 0`)
    const { readModel } = this.#store
    const head = await this.#store.head()
    if (position > head) throw new OperationRefused(`position ${position} is after the end of the log, which is ${head}`)
    const subscription = await this.#currentOf(one)
    if ((await readModel.leases()).some(held => held.name === subscription && isPause(held)))
      throw new OperationRefused(`${one.name} is paused: resume it, and reset it then`)
    await readModel.reset(subscription, position)
    return subscription
  }

  async #definedOf(one: Followed, head: number) {
    const { readModel } = this.#store
    const tables = await this.#subscriptionsOf(one, one.name)
    const names = tables.length ? tables : [subscriptionOf(one)]
    const progress = await readModel.progress(names)
    const serving = one.kind === 'projection' ? await readModel.serving(one.name) : null
    return names.map(name => {
      const position = progress.find(each => each.name === name)?.position ?? 0
      const subscription = { name, position, lagEvents: Math.max(0, head - position), isOwner: false, failure: null }
      const isServing = one.kind !== 'projection' || name === serving
      return { definition: { kind: one.kind, name: one.name }, isServing, subscription }
    })
  }

  async #ask(name: string, key?: string, again?: Again): Promise<number> {
    const { readModel } = this.#store
    let many = 0
    for (const one of await this.#subscriptionsOf(this.#find(name), name)) many += await readModel.unpark(one, key, again)
    return many
  }

  /** Finds a definition by its name, or by the name of its subscription, which `parked` shows. */
  #find(name: string): Pausable {
    const found = this.#all.find(one => one.name === name || isSubscriptionOf(one, name))
    if (found) return found
    const names = this.#all.map(one => one.name).join(', ') || 'none'
    throw new OperationRefused(`no projection, processor or process is named ${name}; there are ${names}`)
  }

  /** The subscriptions of a definition. For a projection, those of all its tables, or the one that is named. */
  async #subscriptionsOf(one: Pausable, name: string): Promise<readonly string[]> {
    if (name !== one.name) return [name]
    if (one.kind !== 'projection') return [subscriptionOf(one)]
    return (await this.#store.readModel.tables()).filter(table => isSubscriptionOf(one, table))
  }

  async #begunOf(name: string): Promise<readonly string[]> {
    const one = this.#find(name)
    const names = await this.#subscriptionsOf(one, name)
    const begun = (await this.#store.readModel.progress(names)).map(each => each.name)
    if (begun.length) return begun
    throw new OperationRefused(`${one.name} has not begun yet, so it cannot be paused`)
  }

  /** The subscription to reset: for a projection, that of the table of its current version. */
  async #currentOf(one: Exclude<Pausable, { readonly kind: 'schedule' | 'process' }>): Promise<string> {
    if (one.kind !== 'projection') return subscriptionOf(one)
    const serving = await this.#store.readModel.serving(one.name)
    return serving !== null && isTableOf(one, serving) ? serving : subscriptionOf(one)
  }
}

/** What holds leases in this process, or waits for them. */
type LeaseHolding = { readonly checkLeases?: () => Promise<void>; readonly takeLeases: () => void }

/** Has this process feel at once what is paused and resumed. Other processes find it out in time. */
export function feelAtOnce(
  { pause, resume }: Operations,
  holding: readonly LeaseHolding[],
): { readonly [K in 'pause' | 'resume']: (name: string) => Promise<boolean> } {
  return {
    pause: async name => {
      const isPaused = await pause(name)
      for (const one of holding) await one.checkLeases?.()
      return isPaused
    },
    resume: async name => {
      const isResumed = await resume(name)
      for (const one of holding) one.takeLeases()
      return isResumed
    },
  }
}

/** The name of the subscription of a definition; for a projection, that of the first table of its version. */
function subscriptionOf(one: Pausable): string {
  if (one.kind === 'process') return subscriptionOfProcess(one)
  if (one.kind === 'schedule') return scheduleOwner(one)
  if (one.kind === 'sql-projection') return subscriptionOfSql(one)
  return one.kind === 'processor' ? one.name : tableOf(one)
}

/** Whether a subscription is one of a definition. A projection has one for each version and table. */
function isSubscriptionOf(one: Pausable, name: string): boolean {
  const own = subscriptionOf(one)
  return name === own || (one.kind.endsWith('projection') && projectionOf(name) === projectionOf(own))
}
