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
  // What runs may have changed it since the request came.
  const carry: TracedSender['carry'] = ({ baggage }, parent) => baggages?.carry(baggage, parent?.baggage ?? baggage)
  return {
    carry,
    send: (decider, parsed, sent) => {
      const caller = trace.current() ?? (trace.isRecording ? givenCaller(sent) : null)
      if (caller === null) return sendParsed({ dispatcher, decider, parsed, parent: null, noteEvent: carry(sent, null) }, sent)
      const name = `${decider.name}.${parsed[0]!.command.command}`
      return trace.step('dispatch', [caller], { 'emaki.command': name }, () => {
        const parent = trace.current()
        return sendParsed({ dispatcher, decider, parsed, parent, noteEvent: carry(sent, parent) }, sent)
      })
    },
  }
}

/** The caller by its headers, where no step runs: as for a consumer of a broker. */
function givenCaller({ traceparent, baggage }: SendOptions): TraceContext | null {
  return traceparent === undefined ? null : { traceparent, ...(baggage !== undefined && { baggage }) }
}
