// Asks the rule of a command where the dispatcher does not: before it is dispatched, and where its stream cannot be read.
import type { Context } from 'hono'
import { AccessRefused, askRule } from '../../src/definitions/access/access.ts'
import type { CommandAsk, Verdict } from '../../src/definitions/access/allow.ts'
import { streamName } from '../../src/definitions/event/stream-name.ts'
import { refusalByRule } from '../../src/dispatch/refusal-log.ts'
import type { DispatchOptions, SendOptions } from '../../src/dispatch/send.ts'
import { askOnState, askUnreadable } from '../access.ts'
import { requestOf, servicesOf } from '../context.ts'
import type { Origin } from '../http/headers.ts'

/** A command as its rule is asked about it, and how it is sent. */
export type AskedCommand = Omit<CommandAsk, 'state'> & { readonly decider: string; readonly sent: Origin & SendOptions }

export type RuledCommand = {
  /** For the dispatcher, which asks on the state of the decision. */
  readonly authorize: Pick<DispatchOptions, 'authorize'>
  /** Asks before the command is dispatched. Throws AccessRefused. */
  readonly checkEarly: () => Promise<void>
  /** Throws AccessRefused for the error of a stream that cannot be read, unless the rule passes. Throws any other error. */
  readonly checkError: (error: unknown) => never
}

/** The rule of a command. Whom it refuses is noted as the dispatcher does. */
export function commandRule(c: Context, { decider, sent, ...ask }: AskedCommand): RuledCommand {
  const emaki = servicesOf(c)
  const { instance, command } = ask
  const rule = c.get('emakiAccess').command(decider, command)
  const asked = () => ({ emaki, decider, instance, rule, ask, about: requestOf(c) })
  const check = (verdict: Verdict) => {
    if (verdict === true) return
    const subject = { command: `${decider}.${command}`, stream: streamName(decider, instance), actor: sent.actor ?? null }
    const traceId = sent.traceparent?.split('-')[1] ?? null
    emaki.refusalLog.note({ ...subject, correlation: sent.correlation, traceId, ...refusalByRule(verdict === 'hidden') })
    throw new AccessRefused(verdict === 'hidden')
  }
  return {
    authorize: rule === 'all' ? {} : { authorize: state => askRule(rule, { ...ask, state }) },
    checkEarly: async () => {
      if (rule !== 'all') check(await askOnState(asked()))
    },
    checkError: error => {
      check(askUnreadable(asked(), error))
      throw error
    },
  }
}
