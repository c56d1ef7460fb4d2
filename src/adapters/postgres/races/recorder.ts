import { StoreError } from '../../../ports/store/errors.ts'
import type { NewEvent } from '../../../ports/store/event.ts'
import type { Store } from '../../../ports/store/store.ts'
import type { Unit, UnitOutcome } from '../../../ports/store/unit.ts'
import type { Attempt } from './history.ts'

/** Appends through a store and tells what was tried and what came of it. */
export type Recorder = (units: readonly Unit[]) => Promise<readonly UnitOutcome['outcome'][] | StoreError['reason']>

/**
 * Records appends of one process. `begun` is told of each attempt before it is made, as `open`, where the process may not live to
 * tell its end.
 */
export function recorder(store: Pick<Store, 'append'>, who: string, tell: (attempt: Attempt) => void, begun = false): Recorder {
  let attempted = 0
  return async units => {
    const from = performance.now()
    const spoiled = units.some(({ slices }) => slices.some(({ events }) => events.some(({ id }) => id === BAD_ID)))
    const attempts = units.map(unit => ({ ...attemptOf(unit, who, attempted++, from), spoiled }))
    if (begun) attempts.forEach(tell)
    try {
      const outcomes = await store.append(units)
      const until = performance.now()
      attempts.forEach((attempt, i) => void tell({ ...attempt, until, ...toAttempt(outcomes[i]!) }))
      return outcomes.map(({ outcome }) => outcome)
    } catch (error) {
      const until = performance.now()
      const reason = reasonOf(error)
      for (const attempt of attempts) tell({ ...attempt, until, outcome: reason })
      return reason
    }
  }
}

/** An event that says who it is. */
export function tokenEvent(token: string, fill = ''): NewEvent {
  const data = JSON.stringify({ token, text: `"é🜁\\\n${fill}` })
  return { id: Bun.randomUUIDv7(), type: 'Raced', schema: 'races', data, meta: JSON.stringify({ causation: token }) }
}

/** An id that the store refuses once its positions are drawn, which rolls everything back. */
export const BAD_ID = 'no uuid'

function attemptOf({ slices, keys }: Unit, who: string, no: number, from: number): Attempt {
  return {
    who,
    no,
    from,
    until: 0,
    slices: slices.map(({ stream, expect, events }) => ({
      stream,
      expect,
      events: events.map(({ data }) => ({ token: (JSON.parse(data) as { token: string }).token, data })),
    })),
    key: keys[0]?.key ?? null,
    outcome: 'open',
    committed: [],
    conflicts: [],
    because: null,
    spoiled: false,
  }
}

function toAttempt(outcome: UnitOutcome): Pick<Attempt, 'outcome' | 'committed' | 'conflicts'> {
  const none = { outcome: outcome.outcome, committed: [], conflicts: [] }
  switch (outcome.outcome) {
    case 'appended':
      return { ...none, committed: outcome.slices }
    case 'conflict': {
      const conflicts = outcome.conflicts.map(({ missed, ...one }) => ({ ...one, missed: missed?.map(({ id }) => id) ?? null }))
      return { ...none, conflicts }
    }
    case 'duplicate':
      return none
  }
}

/** `full` is a kind of unavailable; what is no StoreError breaks the port's promise and is thrown on. */
function reasonOf(error: unknown): Exclude<StoreError['reason'], 'full'> {
  if (!(error instanceof StoreError)) throw error
  return error.reason === 'full' ? 'unavailable' : error.reason
}
