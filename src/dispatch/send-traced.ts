// From the receipt of a command to its answer is one step, below which are the others. Its baggage is noted by its events.
import type { DeciderSpec } from '../definitions/decider/decider.ts'
import type { Baggages } from '../ports/trace/baggage.ts'
import type { Trace, TraceContext } from '../ports/trace/trace.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { Outcome } from './outcome.ts'
import type { PendingCommand } from './pending-command.ts'
import { type DispatchOptions, type ParsedCommand, type SendOptions, sendParsed } from './send.ts'

type TracedSenderOptions = {
  readonly dispatcher: Dispatcher
  readonly trace: Trace
  readonly baggages: Baggages | undefined
}

export type TracedSender = {
  /** The function that notes the events with which the baggage of a caller goes. */
  readonly carry: (sent: SendOptions, parent: TraceContext | null) => PendingCommand['noteEvent']
  readonly send: (decider: DeciderSpec, parsed: readonly ParsedCommand[], sent: DispatchOptions) => Promise<Outcome>
}

export function tracedSender({ dispatcher, trace, baggages }: TracedSenderOptions): TracedSender {
  const carry: TracedSender['carry'] = ({ baggage }, parent) => {
    const given = baggages?.carry(baggage)
    // What runs may have changed it since the request came.
    return parent?.baggage === undefined ? given : baggages?.carry(parent.baggage)
  }
  return {
    carry,
    send: (decider, parsed, sent) => {
      const send = (parent: TraceContext | null) =>
        sendParsed(dispatcher, decider, parsed, { ...sent, noteEvent: carry(sent, parent) }, parent)
      const caller = trace.current() ?? (trace.isRecording ? givenCaller(sent) : null)
      if (caller === null) return send(null)
      const name = `${decider.name}.${parsed[0]!.command.command}`
      return trace.step('dispatch', [caller], { 'emaki.command': name }, () => send(trace.current()))
    },
  }
}

/** The caller by its headers, where no step runs: as for a consumer of a broker. */
function givenCaller({ traceparent, baggage }: SendOptions): TraceContext | null {
  return traceparent === undefined ? null : { traceparent, ...(baggage !== undefined && { baggage }) }
}
