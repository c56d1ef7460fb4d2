// Reads what explains why something stands still, from the store alone. It may run beside a server, or without one.
import type { Definition } from '../definitions/definition.ts'
import { instancesOf } from '../definitions/process/instance.ts'
import { settleWithin } from '../lib/deadline.ts'
import type { LeaseHolder } from '../ports/read-model/leases.ts'
import type { Parked } from '../ports/read-model/parked.ts'
import type { Progress } from '../ports/read-model/progress.ts'
import { StoreError } from '../ports/store/errors.ts'
import type { Filter } from '../ports/store/log.ts'
import type { Store } from '../ports/store/store.ts'
import { isTableOf } from '../subscription/projection-versions.ts'
import type { Status } from '../subscription/status.ts'
import { DEAF, explainLog } from './explain-log.ts'
import { explainSubscription, type SubscriptionFacts, type WaitingEvent } from './explain-subscription.ts'
import type { Stall } from './stall.ts'

/** How long one part of the store may take to say what it knows, in ms. */
const READ_MS = 3_000
/** The most parked keys that are read of a subscription to explain it. */
const PARKED_MAX = 100

export type StallSources = {
  readonly store: Store
  readonly definitions: readonly Definition[]
  /** The status of each subscription and schedule. */
  readonly status: () => Promise<readonly Status[]>
  readonly leaseMs: number
  /** What this process handles for a subscription now. Default: it is not known. */
  readonly currentOf?: (name: string) => SubscriptionFacts['current']
}

/** Explains what stands still: in the database first, then each subscription and schedule. Never rejects for its store. */
export async function readStalls(sources: StallSources): Promise<readonly Stall[]> {
  const subscriptions = await readWithin(readAllFacts(sources))
  if (subscriptions instanceof StoreError) return readLogStalls(sources.store, subscriptions)
  return [...(await readLogStalls(sources.store)), ...subscriptions.flatMap(explainSubscription)]
}

/** Explains what stands still in a database, also in one that could not be opened, or read. */
export async function readLogStalls(store: Store, failed: StoreError | null = null): Promise<readonly Stall[]> {
  const waits = store.readWaits ? await readWithin(store.readWaits()) : null
  const failure = failed ?? (waits instanceof StoreError ? waits : null)
  const found = explainLog({
    now: Date.now(),
    waits: waits instanceof StoreError ? null : waits,
    pools: store.fullPools?.() ?? [],
    failure: failure && { message: failure.message, isFull: failure.reason === 'full' },
  })
  return store.isDeaf?.() === true ? [...found, DEAF] : found
}

async function readWithin<T>(read: Promise<T>): Promise<T | StoreError> {
  try {
    return await settleWithin(READ_MS, read, () => new StoreError('unavailable', `it did not answer within ${READ_MS} ms`))
  } catch (error) {
    if (error instanceof StoreError) return error
    throw error
  }
}

async function readAllFacts(sources: StallSources): Promise<readonly SubscriptionFacts[]> {
  const { store, definitions } = sources
  const { readModel } = store
  const status = (await sources.status()).filter(one => isCurrent(one, definitions))
  const [head, leases, progress, { now }] = await Promise.all([
    store.head(),
    readModel.leases(),
    readModel.progress(status.map(({ name }) => name)),
    // It gives the time of the database.
    store.agenda.due('', 1),
  ])
  return Promise.all(status.map(one => readFacts(sources, one, { head, leases, progress, now, status })))
}

type Known = {
  readonly head: number
  readonly leases: readonly LeaseHolder[]
  readonly progress: readonly Progress[]
  readonly now: number
  readonly status: readonly Status[]
}

async function readFacts(sources: StallSources, one: Status, known: Known): Promise<SubscriptionFacts> {
  const { name, definition, isServing, failure } = one
  const { head, now } = known
  const found = known.progress.find(each => each.name === name)
  const position = found?.position ?? one.position
  const own = sources.definitions.find(each => isOf(one, each))
  const serving = known.status.find(each => each.definition.name === definition.name && each.isServing && each.name !== name)
  return {
    ...{ name, definition, isServing, failure, position, head, now },
    leaseMs: sources.leaseMs,
    lease: known.leases.find(each => each.name === name) ?? null,
    movedAt: found ? Date.parse(found.savedAt) : null,
    next: position < head && definition.kind !== 'schedule' ? await readNext(sources, one, position) : null,
    parked: await readParked(sources.store, one),
    servedBy: serving?.name ?? null,
    retryMs: own?.kind === 'processor' ? own.retry.maxMs : null,
    current: sources.currentOf?.(name) ?? null,
  }
}

/** The first event that the subscription waits to handle; of one that reads none of those that wait, the first of them. */
async function readNext({ store, definitions }: StallSources, one: Status, after: number): Promise<WaitingEvent | null> {
  const filter = filterOf(definitions.find(each => isOf(one, each)))
  const [matching] = filter ? await store.readAll({ after, limit: 1, filter }) : []
  const [first] = matching ? [matching] : await store.readAll({ after, limit: 1 })
  return first ? { position: first.position, type: first.type, stream: first.stream, at: Date.parse(first.at) } : null
}

async function readParked({ readModel }: Store, one: Status): Promise<readonly Parked[]> {
  const many = one.parkedKeys + one.parkedStreams + one.retrying
  return many > 0 ? (await readModel.parked(one.name)).slice(0, PARKED_MAX) : []
}

function filterOf(definition: Definition | undefined): Filter | null {
  if (definition?.kind === 'process') return instancesOf(definition).filter
  return definition && 'filter' in definition ? definition.filter : null
}

function isOf({ definition }: Pick<Status, 'definition'>, one: Definition): boolean {
  return one.kind === definition.kind && one.name === definition.name
}

/** Whether somebody waits for a subscription: nobody does for a table of an earlier version that serves no more. */
function isCurrent(status: Status, definitions: readonly Definition[]): boolean {
  const one = definitions.find(each => isOf(status, each))
  return status.isServing || one?.kind !== 'projection' || isTableOf(one, status.name)
}
