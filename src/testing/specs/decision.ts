// What a command comes to, as an example.
import type { Command } from '../../definitions/decider/command.ts'
import type { DecideContext, DeciderSpec } from '../../definitions/decider/decider.ts'
import { spec } from '../../definitions/event/events.ts'
import type { Later, Rejected } from '../../dispatch/outcome.ts'
import { type Decided, decide, evolve } from '../decide.ts'
import { differences, showValue } from './differences.ts'
import { type DecisionExpected, showCommand, showEvent, showExpected } from './expected.ts'
import { type Fact, listPast, type Past } from './past.ts'
import type { SpecReport } from './spec.ts'

/** What a decision sees beside state and data. Defaults: as those of `decide`. */
export type DecisionMoment = Partial<Pick<DecideContext, 'now' | 'actor' | 'initiator' | 'prepared' | 'read'>>

export type DecisionExample = {
  readonly definition: DeciderSpec
  readonly past: readonly Past<Fact>[]
  readonly command: Command
  readonly context: DecisionMoment
  readonly expected: readonly DecisionExpected[]
}

/** Decides the command after these facts, which are all of its instance. */
export function runDecision({ definition, past, command, context, expected }: DecisionExample): SpecReport {
  const decider = { [spec]: { ...definition, state: undefined as unknown, command } }
  const facts = listPast(past).map(({ what }) => what)
  const before = evolve(decider, facts)
  const found = decide(decider, before, command, context)
  const shown = [
    ...facts.map(fact => `given   ${showEvent(fact)}`),
    `state   ${showValue(before)}`,
    `when    ${showCommand(command)}`,
    ...expected.map(one => `wanted  ${showExpected(one)}`),
    `found   ${showDecided(found)}`,
  ]
  return { shown, wrong: expected.flatMap(one => mistakes(one, found, before)) }
}

function mistakes(expected: DecisionExpected, found: Decided<unknown>, before: unknown): readonly string[] {
  switch (expected.expects) {
    case 'events': {
      if (found.outcome !== 'accepted') return [`it is not accepted, but ${found.outcome}`]
      const plain = ({ category, type, data }: Fact) => ({ category, type, data })
      return differences(expected.events.map(plain), found.events.map(plain))
    }
    case 'rejection': {
      const wanted = expected.afterMs === null ? 'rejected' : 'later'
      if (found.outcome !== wanted) return [`it is not ${wanted}, but ${found.outcome}`]
      const { code, data, retryAfterMs = null } = found as Rejected & Partial<Later>
      return [
        ...differences({ code: expected.code, afterMs: expected.afterMs }, { code, afterMs: retryAfterMs }),
        ...('data' in expected ? differences({ data: expected.data }, { data }) : []),
      ]
    }
    case 'invalid': {
      if (found.outcome !== 'invalid') return [`its data are valid, and it is ${found.outcome}`]
      const paths = found.issues.map(({ path }) => path)
      return expected.path === null || paths.includes(expected.path) ? [] : [`it is invalid at ${paths.join(', ')}`]
    }
    case 'state':
      return differences(expected.state, found.outcome === 'accepted' ? found.state : before, { isPart: true })
  }
}

function showDecided(found: Decided<unknown>): string {
  switch (found.outcome) {
    case 'accepted':
      return `${found.events.length ? found.events.map(showEvent).join(', ') : 'no event'}; the state is ${showValue(found.state)}`
    case 'invalid':
      return `invalid: ${showValue(found.issues)}`
    default:
      return `${found.outcome} ${found.code}${found.data === undefined ? '' : ` ${showValue(found.data)}`}`
  }
}
