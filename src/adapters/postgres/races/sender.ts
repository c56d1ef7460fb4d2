import type { Command } from '../../../definitions/decider/command.ts'
import type { Outcome } from '../../../dispatch/outcome.ts'
import type { Runtime } from '../../../runtime.ts'
import type { SendOptions } from '../../../dispatch/send.ts'
import type { Expectation } from '../../../ports/store/unit.ts'
import { decided } from './domain.ts'
import type { Attempt } from './history.ts'

/** A race expects one version, as an append does. */
type RacedOptions = Omit<SendOptions, 'expect'> & { readonly expect?: Expectation }

/** Sends a command whose data has a token, and says it again, so often at most, until it is accepted. */
export type Sender = (command: Command, options?: RacedOptions, triesMax?: number) => Promise<Outcome>

/**
 * Sends through a runtime and tells what was tried and what came of it, as of one process. With `begun` each command is told of before
 * it is sent, as `open`, where the process may not live to tell its end.
 */
export function sender(
  emaki: Pick<Runtime, 'send'>,
  who: string,
  tell: (attempt: Attempt) => void,
  begun: boolean = false,
): Sender {
  let sent = 0
  return async (command, options = {}, triesMax = 1) => {
    const no = sent++
    const from = performance.now()
    const { token } = command.data as { token: string }
    const slice = { stream: `${command.decider}-${command.id}`, expect: options.expect ?? null }
    const attempt = { who, no, from, until: 0, key: options.key ?? null, conflicts: [], spoiled: false }
    const open = { outcome: 'open', committed: [], because: null } as const
    if (begun) tell({ ...attempt, ...open, slices: [{ ...slice, events: [{ token, data: null }] }] })
    const outcome = await retryUnavailable(() => emaki.send(command, options), triesMax)
    tell({
      ...attempt,
      ...attemptOutcome(outcome),
      until: performance.now(),
      slices: [{ ...slice, events: [{ token, data: dataOf(outcome) }] }],
      decided: decided.get(token) ?? 0,
    })
    return outcome
  }
}

async function retryUnavailable(say: () => Promise<Outcome>, triesMax: number): Promise<Outcome> {
  for (let tried = 1; ; tried++) {
    const outcome = await say()
    if (outcome.outcome === 'accepted' || tried === triesMax) return outcome
  }
}

function dataOf(outcome: Outcome): string | null {
  return outcome.outcome === 'accepted' ? JSON.stringify(outcome.events[0]!.data) : null
}

function attemptOutcome(outcome: Outcome): Pick<Attempt, 'outcome' | 'committed' | 'because'> {
  switch (outcome.outcome) {
    case 'accepted':
      return { outcome: 'appended', committed: [{ version: outcome.version, position: outcome.position }], because: null }
    case 'rejected':
      return { outcome: 'rejected', committed: [], because: (outcome.data as { because: string | null }).because }
    case 'later':
    case 'invalid':
      throw new Error(`a race's command is not decided: ${JSON.stringify(outcome)}`)
    default:
      return { outcome: outcome.outcome, committed: [], because: null }
  }
}
