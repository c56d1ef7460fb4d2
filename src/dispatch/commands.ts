// The command side of a runtime: deciders and a store in, `send` out.
import { patience } from '../lib/patience.ts'
import type { Bus } from '../ports/bus/bus.ts'
import type { Command } from '../definitions/decider/command.ts'
import type { DeciderSpec } from '../definitions/decider/decider.ts'
import { type EventsSpec, spec } from '../definitions/event/events.ts'
import { checkOptionNames } from '../definitions/option-names.ts'
import type { ReadState, StateAt, StateMoment } from '../definitions/reads.ts'
import { streamName } from '../definitions/event/stream-name.ts'
import type { Store } from '../ports/store/store.ts'
import type { Baggages } from '../ports/trace/baggage.ts'
import type { Trace } from '../ports/trace/trace.ts'
import { type AppendOutcome, type AppendSlice, appendableOf, appendOutcomeOf } from './append-request.ts'
import { Episode } from '../ports/report/episode.ts'
import { scopeKey } from './caller-keys.ts'
import { Dispatcher } from './dispatcher.ts'
import { type CommandObserver, unobserved } from './observer.ts'
import type { Invalid, Outcome } from './outcome.ts'
import { type DispatchOptions, findBadOptions, metaOf, parseCommand, type SendOptions, strayOption } from './send.ts'
import { parseTogether, togetherProblem } from './send-together.ts'
import { tracedSender } from './send-traced.ts'
import { PastStates } from './past-states.ts'

export type CommandOptions = {
  readonly deciders: ReadonlyMap<string, DeciderSpec>
  /** Families that `append` takes besides those of deciders, by category. Default: none. */
  readonly families?: ReadonlyMap<string, EventsSpec>
  readonly store: Store
  readonly bus: Bus
  readonly trace: Trace
  /** Default: nobody asks for baggage. */
  readonly baggages?: Baggages
  /** Default: nobody. */
  readonly observer?: CommandObserver
  readonly now: () => number
  readonly report: (error: unknown) => void
  /**
   * The bounds of the states in memory: their count, and the payload folded into them, in characters. Defaults: 100 000
   * and 268 435 456.
   */
  readonly states?: { readonly entries?: number; readonly size?: number }
  /**
   * The bounds of the waiting commands: their count, and their size together, in bytes. Beyond them: `unavailable`.
   * Defaults: 10 000 and 67 108 864.
   */
  readonly queue?: { readonly commands?: number; readonly size?: number }
}

export type Commands = {
  /**
   * Sends a command:
   * 1. The command's schema parses its data. Data that does not fit is `invalid`.
   * 2. The command waits for its turn on its stream, is decided on the stream's state, and its events are appended.
   * 3. It resolves to `accepted` when its events are durable, or else to the answer of the decision or of the log.
   * Several commands of one instance are sent as one: each is decided on the state after the one before it, and they are
   * appended together, or none is. They have one outcome, with the events of all.
   * Rejects only when an assumption broke: a decision throws, the decider is unknown, events cannot be read, or there are
   * no commands, more than 100, or some for another instance.
   */
  readonly send: (command: Command | readonly Command[], options?: SendOptions) => Promise<Outcome>
  /** Checks a command that has not been sent. Gives what is wrong with it, or null. Throws as `send` does. */
  readonly check: (command: Command) => Invalid | null
  /** Sends a command from step 2 on. `data` is the output of its schema for `command.data`. */
  readonly dispatch: (command: Command, data: unknown, options?: DispatchOptions) => Promise<Outcome>
  /**
   * Appends events without a decision: all slices or none. No stream may appear twice. The same `key` of the same
   * actor within 24 hours appends nothing, and the outcome is `duplicate`.
   */
  readonly append: (
    slices: readonly AppendSlice[],
    options?: Omit<SendOptions, 'idGiven' | 'expect' | 'keepMs'>,
  ) => Promise<AppendOutcome>
  readonly state: ReadState
  readonly deciders: ReadonlyMap<string, DeciderSpec>
  /** How many commands wait for their outcome. */
  readonly waiting: () => number
  /** How long the oldest of them waits, in ms. 0: there is none. */
  readonly waitingMs: () => number
  /** Takes no more commands, and answers those that it has. */
  readonly close: () => Promise<void>
}

const FORGET_KEYS_MS = 60 * 60 * 1_000

/** Sends commands to deciders over an open store. */
export function commands(options: CommandOptions): Commands {
  const { deciders, store, bus, trace, observer = unobserved, now, report, families } = options
  const cache = { entries: 100_000, size: 268_435_456, ...options.states }
  const queue = { commands: 10_000, size: 67_108_864, ...options.queue }
  const dispatcher = new Dispatcher({ store, bus, trace, observer, now, report, cache, queue })
  const deciderOf = (name: string) => getDecider(deciders, name)
  const familyOf = (category: string) => families?.get(category) ?? deciderOf(category).events
  const { carry, send: sendTraced } = tracedSender({ dispatcher, trace, baggages: options.baggages })
  const what = 'Idempotency keys whose time is over could not be deleted'
  const forgets = new Episode({ report, what, mend: 'They take room in the database meanwhile.' })
  const forgetKeys = () =>
    store.forgetKeys().then(
      () => forgets.succeed(),
      error => forgets.fail(error),
    )
  const forgetting = setInterval(() => void forgetKeys(), FORGET_KEYS_MS)
  forgetting.unref()
  return {
    send: (sent, options = {}) => {
      const commands = 'decider' in sent ? [sent] : sent
      const wrong = togetherProblem(commands) ?? strayOption('send', options)
      if (wrong !== null) return Promise.reject(new TypeError(wrong))
      const decider = deciderOf(commands[0]!.decider)
      const parsed = parseObserved(decider, commands, observer)
      if ('outcome' in parsed) return Promise.resolve(parsed)
      const issues = findBadOptions(options)
      if (issues.length) return Promise.resolve({ outcome: 'invalid', issues })
      return sendTraced(decider, parsed, options)
    },
    check: command => problemOf(deciderOf(command.decider), command),
    dispatch: (command, data, options = {}) => sendTraced(deciderOf(command.decider), [{ command, data }], options),
    append: (slices, options = {}) => {
      const { key = null, isOwnKey = false, signal = null, deadlineMs = patience.commandMs } = options
      const [bad] = findBadOptions(options)
      const wrong = strayOption('append', options) ?? (bad ? `append: ${bad.message}` : null)
      if (wrong !== null) throw new TypeError(wrong)
      const parent = trace.current()
      const appendable = appendableOf({
        slices,
        isOwn: isOwnKey,
        familyOf,
        deadline: performance.now() + deadlineMs,
        signal,
        parent,
        meta: metaOf(options, parent),
        noteEvent: carry(options, parent),
        key: key === null || isOwnKey ? key : scopeKey(`append:${key}`, options.actor),
      })
      return dispatcher.append(appendable).then(appendOutcomeOf)
    },
    state: stateReader({ ...options, dispatcher, pastStates: new PastStates(store) }, deciderOf),
    deciders,
    waiting: () => dispatcher.waiting,
    waitingMs: () => dispatcher.waitingMs,
    close: async () => {
      clearInterval(forgetting)
      await dispatcher.close()
    },
  }
}

function problemOf(decider: DeciderSpec, command: Command): Invalid | null {
  const parsed = parseCommand(decider, command)
  return 'outcome' in parsed ? parsed : null
}

function parseObserved(decider: DeciderSpec, commands: readonly Command[], observer: CommandObserver) {
  const parsed = parseTogether(decider, commands)
  if ('outcome' in parsed) observer.invalid(decider, commands[0]!.command)
  return parsed
}

function getDecider(deciders: ReadonlyMap<string, DeciderSpec>, name: string): DeciderSpec {
  const found = deciders.get(name)
  if (!found) throw new TypeError(`no decider ${name} is served; there are ${[...deciders.keys()].join(', ')}`)
  return found
}

type StateSources = Pick<CommandOptions, 'store' | 'trace'> & { readonly dispatcher: Dispatcher; readonly pastStates: PastStates }

function stateReader(sources: StateSources, deciderOf: (name: string) => DeciderSpec): ReadState {
  const read = (named: string | { readonly [spec]: DeciderSpec }, id: string, when: StateMoment = {}) =>
    getState(sources, deciderOf(typeof named === 'string' ? named : named[spec].name), id, when)
  // Only types know the state.
  return read as ReadState
}

const MOMENT: Readonly<Record<keyof StateMoment, true>> = { version: true, at: true }

async function getState(
  { store, trace, dispatcher, pastStates }: StateSources,
  decider: DeciderSpec,
  id: string,
  when: StateMoment,
): Promise<StateAt | null> {
  const stream = streamName(decider.name, id)
  const known = dispatcher.getState(stream)
  const isPresent = when.version === undefined && when.at === undefined
  checkOptionNames('state', when, MOMENT)
  const load = () => {
    const asked = { key: null, keyCheck: 'done', parent: trace.current() } as const
    if (isPresent) return dispatcher.loadState({ stream, decider, state: known, commands: [asked] })
    if (known?.version === when.version && when.at === undefined) return known!
    return trace.step('load', [trace.current()], { 'emaki.streams': 1, 'db.system.name': store.system }, () =>
      pastStates.load(decider, stream, when),
    )
  }
  const { state, version, position } = await load()
  return version === 0 ? null : { state, version, position }
}
