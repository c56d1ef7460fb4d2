// One append of many units, sent until each unit has an answer. A refused batch is sent again in halves, and one of
// unknown outcome as it was.
import { StoreError } from '../ports/store/errors.ts'
import type { StoredEvent } from '../ports/store/event.ts'
import type { TracedLog } from '../ports/store/log.ts'
import type { SliceResult, Unit, UnitOutcome } from '../ports/store/unit.ts'
import type { Trace, TraceContext } from '../ports/trace/trace.ts'
import type { Committed } from './committed-pages.ts'
import { isRefusal } from './outcome.ts'

/** The pause before a batch of unknown outcome is sent again, in ms. */
const RESEND_MS = 20

export type BatchPort = {
  readonly store: TracedLog
  readonly trace: Trace
  readonly publish: (committed: readonly Committed[]) => void
}

/** A unit on its way to the log. */
export type PendingAppend = {
  readonly unit: Unit
  /** The length of its payloads, in characters. */
  readonly size: number
  /** Whether it may be sent again after an unknown outcome: its expectations are exact, or it has a key. */
  readonly isResendable: boolean
  /** The time until which it is sent again, on the clock of performance.now. */
  readonly until: number
  readonly parents: readonly (TraceContext | null)[]
}

/**
 * The outcome of a unit. `refused`: nothing was appended and never will be. `failed`: the store cannot append it now,
 * or the outcome is unknown.
 */
export type AppendResult =
  | UnitOutcome
  | { readonly outcome: 'refused'; readonly error: unknown }
  | { readonly outcome: 'failed'; readonly error: unknown }

/** An append of a batch. `settle` is called once. */
export type SentAppend = { readonly append: PendingAppend; readonly settle: (result: AppendResult) => void }

/**
 * Sends a batch until each of its units has an answer, or its time is over. A read never resolves an unknown outcome:
 * the same units are sent again, with the same event ids and keys.
 */
export async function appendBatch(port: BatchPort, batch: readonly SentAppend[]): Promise<void> {
  let left = batch
  let doubt: StoreError | null = null
  while (left.length) {
    const sent = await trySend(port, left, doubt !== null)
    if ('outcomes' in sent) return settleBatch(port, left, sent.outcomes)
    const { error } = sent
    if (error instanceof StoreError && error.reason === 'unknown') doubt = error
    else if (!doubt && isRefusal(error) && left.length > 1) return appendHalves(port, left)
    if (!doubt) return left.forEach(({ settle }) => void settle({ outcome: isRefusal(error) ? 'refused' : 'failed', error }))
    left = endUnresendable(left, doubt)
    if (left.length) await Bun.sleep(RESEND_MS)
  }
}

type AppendAttempt = { readonly outcomes: readonly UnitOutcome[] } | { readonly error: unknown }

/** Tries the append only: a failure after the commit must not send it again. */
async function trySend({ store, trace }: BatchPort, batch: readonly SentAppend[], isResent: boolean): Promise<AppendAttempt> {
  const units = batch.map(({ append }) => append.unit)
  const parents = batch.flatMap(({ append }) => append.parents)
  const attributes = { 'emaki.units': units.length, 'db.system.name': store.system }
  try {
    const outcomes = await trace.step('append', parents, attributes, () => store.append(units))
    return { outcomes: isResent ? await Promise.all(units.map((unit, i) => recogniseOwn(store, unit, outcomes[i]!))) : outcomes }
  } catch (error) {
    return { error }
  }
}

/**
 * Sends a refused batch in halves, one after the other, so that only the refused unit fails. Nothing of the batch was
 * appended.
 */
async function appendHalves(port: BatchPort, batch: readonly SentAppend[]): Promise<void> {
  const half = batch.length >> 1
  await appendBatch(port, batch.slice(0, half))
  await appendBatch(port, batch.slice(half))
}

/** Answers first and publishes afterwards: every caller has its answer before the microtask that publishes. */
function settleBatch({ publish }: BatchPort, batch: readonly SentAppend[], outcomes: readonly UnitOutcome[]): void {
  batch.forEach(({ settle }, i) => void settle(outcomes[i]!))
  queueMicrotask(() => publish(batch.flatMap(({ append }, i) => committedOf(append, outcomes[i]!))))
}

function committedOf({ unit, parents }: PendingAppend, outcome: UnitOutcome): readonly Committed[] {
  if (outcome.outcome !== 'appended') return []
  const { slices, at } = outcome
  return unit.slices.flatMap(({ stream, events }, i) =>
    events.length ? [{ stream, events, slice: slices[i]!, at, parents }] : [],
  )
}

/** Ends the appends that may not be sent again or are out of time. Gives the rest. */
function endUnresendable(batch: readonly SentAppend[], error: StoreError): readonly SentAppend[] {
  const now = performance.now()
  return batch.filter(({ append, settle }) => {
    if (append.isResendable && append.until > now) return true
    settle({ outcome: 'failed', error })
    return false
  })
}

/** Recognises an own append after an unknown outcome: a conflict, or a key that is known, whose events have our ids. */
async function recogniseOwn(store: TracedLog, unit: Unit, outcome: UnitOutcome): Promise<UnitOutcome> {
  if (outcome.outcome === 'appended' || unit.slices.every(({ events }) => events.length === 0)) return outcome
  const found = await Promise.all(unit.slices.map(slice => findOwn(store, slice, outcome)))
  const own = found.filter(slice => slice !== null)
  if (own.length < found.length) return outcome
  const slices = own.map(({ version, position }) => ({ version, position }))
  return { outcome: 'appended', slices, at: own.find(({ at }) => at)!.at }
}

/** Finds the last event of a slice in the log, if the slice is there with our ids; else null. */
async function findOwn(
  store: TracedLog,
  { stream, expect, events }: Unit['slices'][number],
  outcome: UnitOutcome,
): Promise<(SliceResult & Pick<StoredEvent, 'at'>) | null> {
  const isExact = typeof expect === 'number'
  if (!events.length) return { version: isExact ? expect : 0, position: 0, at: '' }
  const last = outcome.outcome === 'duplicate' ? (outcome.keys.find(key => key.stream === stream)?.version ?? 0) : 0
  const after = isExact ? expect : last - events.length
  const found = after < 0 ? [] : await store.read(stream, { after, limit: events.length })
  const isOwn = found.length === events.length && found.every(({ id }, i) => id === events[i]!.id)
  return isOwn ? found.at(-1)! : null
}
