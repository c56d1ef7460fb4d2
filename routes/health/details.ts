// What `/ready?verbose` adds for operators: every part of the app, each with its state, since when, and its last error.
import { settleWithin } from '../../src/lib/deadline.ts'
import type { Failures, OpenFailure } from '../../src/ports/report/failures.ts'
import type { Services } from '../../src/runtime.ts'
import type { StallEpisode } from '../../src/stalls/episodes.ts'
import type { Status } from '../../src/subscription/status.ts'
import { checksOf, type PartCheck, type PartChecks, readerCheck, withoutEmpty } from './checks.ts'
import type { CheckResult } from './own-checks.ts'

const TIMEOUT_MS = 1_000

/** What an app has besides its store and its definitions. */
export type OtherParts = { readonly hasSharedCache: boolean; readonly hasCdn: boolean }

export type HealthDetailsOptions = {
  readonly failures: Failures
  /** Hides secrets in all texts of a value: errors may say how they tried to connect. */
  readonly hide: <T>(value: T) => T
  readonly others: () => OtherParts
  /** In ms since 1970. Default: the machine's clock. */
  readonly now?: () => number
}

export type Found = {
  readonly services: Services
  /** The status of all subscriptions. Null: it could not be read. */
  readonly status: readonly Status[] | null
  readonly own: readonly CheckResult[]
}
/** `stalls`: what stands still, and what stood still lately, each with its cause and what mends it. */
export type Details = {
  readonly checks: PartChecks
  readonly failing: readonly OpenFailure[]
  readonly stalls: readonly StallEpisode[]
}

/** A part with the subjects by which records name it. */
type Part = PartCheck & { readonly subjects: readonly string[] }

/** Remembers since when each part is in its state. */
export class HealthDetails {
  readonly #options: HealthDetailsOptions
  /** The names come from definitions, so there are not many. */
  readonly #states = new Map<string, { readonly status: string; readonly since: string }>()

  constructor(options: HealthDetailsOptions) {
    this.#options = options
  }

  /** What fails in this process and is tried again and again. */
  get failing(): readonly OpenFailure[] {
    return this.#options.hide(this.#options.failures.open)
  }

  /** Sees the state of each subscription, so that a later question knows since when it is in it. */
  see(status: readonly Status[]): void {
    for (const found of status) this.#sinceOf(this.#readerOf(found))
  }

  /** Describes every part. A store that does not answer leaves out what only it knows. */
  async describe({ services, status, own }: Found): Promise<Details> {
    const parts = {
      ...(status && checksOf(services, status, found => this.#readerOf(found))),
      store: [this.#storeOf(services, status !== null)],
      log: [this.#logOf(services)],
      promises: this.#promisesOf(services),
      agenda: status ? await this.#agendaOf(services) : [],
      caches: this.#cachesOf(),
      own: own.map(ownCheck),
    } as Readonly<Record<string, readonly Part[]>>
    const checks = Object.entries(parts).map(([kind, all]) => [kind, all.map(part => this.#withPast(part))])
    const stalls = await settleWithin(TIMEOUT_MS, services.stalls.list(), () => new Error('late')).catch(
      () => services.stalls.known,
    )
    const described = withoutEmpty(Object.fromEntries(checks) as PartChecks)
    return this.#options.hide({ checks: described, failing: this.#options.failures.open, stalls })
  }

  #readerOf(found: Status): Part {
    const { name: subscription, definition, isOwner } = found
    const subjects = [`subscription ${subscription}`, `owner ${subscription}`, `${definition.kind} ${definition.name}`]
    return { ...readerCheck(found), subscription, isOwner, subjects }
  }

  #storeOf({ store }: Services, answers: boolean): Part {
    const subjects = [`store ${store.system}`]
    const isFailing = !answers || this.#options.failures.openOf(subjects) !== null
    return { componentType: 'datastore', status: isFailing ? 'fail' : 'pass', system: store.system, subjects }
  }

  #logOf({ tail, store }: Services): Part {
    const { id, epoch } = store.identity
    return { ...this.#partOf('log', ['part log']), head: tail.head, id, epoch }
  }

  #promisesOf({ promises }: Services): readonly Part[] {
    return promises.counts().map(({ promise, breaches }) => {
      const status = breaches > 0 ? 'warn' : 'pass'
      return { componentType: 'component', status, name: promise, breaches, subjects: [`promise ${promise}`] }
    })
  }

  async #agendaOf({ store }: Services): Promise<readonly Part[]> {
    const counts = await settleWithin(TIMEOUT_MS, store.agenda.count(), () => new Error('late')).catch(() => [])
    return counts.map(({ owner, ...waiting }) => ({ ...this.#partOf(owner, [`owner ${owner}`]), ...waiting }))
  }

  #cachesOf(): readonly Part[] {
    const { hasSharedCache, hasCdn } = this.#options.others()
    return [
      this.#partOf('memory', []),
      ...(hasSharedCache ? [this.#partOf('shared', ['part cache'])] : []),
      ...(hasCdn ? [this.#partOf('cdn', ['part cdn'])] : []),
    ]
  }

  #partOf(name: string, subjects: readonly string[]): Part {
    return { componentType: 'component', status: this.#options.failures.openOf(subjects) ? 'warn' : 'pass', name, subjects }
  }

  #withPast(part: Part): PartCheck {
    const { subjects, ...check } = part
    const lastError = this.#options.failures.last(subjects)
    return { ...check, since: this.#sinceOf(part), ...(lastError && { lastError }) }
  }

  /** Since when this process sees a part in its state. Of what fails, the record of its failure knows when it began. */
  #sinceOf({ subjects, status, name }: Part): string {
    const id = subjects[0] ?? String(name)
    const known = this.#states.get(id)
    if (known?.status === status) return known.since
    const began = status === 'pass' ? undefined : this.#options.failures.openOf(subjects)?.since
    const since = began ?? new Date((this.#options.now ?? Date.now)()).toISOString()
    this.#states.set(id, { status, since })
    return since
  }
}

function ownCheck({ name, isRequired, error }: CheckResult): Part {
  const status = error === null ? 'pass' : isRequired ? 'fail' : 'warn'
  return { componentType: 'component', status, name, isRequired, ...(error !== null && { error }), subjects: [`check ${name}`] }
}
