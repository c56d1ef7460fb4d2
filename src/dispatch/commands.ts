// The command side of a runtime: deciders and a store in, `send` out.
import type { Bus } from '../bus/bus.ts'
import { type Command, fingerprintOf, idProblem } from '../decider/command.ts'
import type { DeciderSpec } from '../decider/decider.ts'
import { fold } from '../decider/fold.ts'
import { type Event, type EventsSpec, fitting, type Meta } from '../event/events.ts'
import { freeze } from '../event/payload.ts'
import { inSequence } from '../store/sequence.ts'
import type { Expectation, Store } from '../store/store.ts'
import type { Trace, TraceContext } from '../trace/trace.ts'
import type { Folded } from './chain.ts'
import { unavailable } from './desk.ts'
import { Dispatcher } from './dispatcher.ts'
import { KEY_KEEP_MS, type Member } from './member.ts'
import type { Invalid, Outcome } from './outcome.ts'
import type { Written } from './pages.ts'
import { type AppendOutcome, type AppendSlice, request } from './request.ts'

export type CommandOptions = {
  readonly deciders: ReadonlyMap<string, DeciderSpec>
  /** What may be appended besides what deciders decide, by category. Default: nothing. */
  readonly families?: ReadonlyMap<string, EventsSpec>
  readonly store: Store
  readonly bus: Bus
  readonly trace: Trace
  readonly now: () => number
  readonly report: (error: unknown) => void
  /** States kept: how many, and how much payload was folded into them, in characters. Defaults: 100 000 and 268 435 456. */
  readonly states?: { readonly entries?: number; readonly size?: number }
  /** Commands that may wait: how many, and how large together, in bytes. Beyond: `unavailable`. Defaults: 10 000 and 67 108 864. */
  readonly queue?: { readonly commands?: number; readonly size?: number }
}

export type SendOptions = {
  /** The stream's version before the command: a number (0: must not exist), or `exists`. Default: whatever it is. */
  readonly expect?: Expectation
  /** An idempotency key: the same command with the same key has one effect, and the same outcome, for `keepMs`. */
  readonly key?: string
  /** The key is the framework's own, in a namespace that no header reaches. Default: false. */
  readonly isOwnKey?: boolean
  /** How long the key is known, in ms. Default: 86 400 000, a day. */
  readonly keepMs?: number
  /** Whether the caller chose the id; if not, it is no part of what the key stands for. Default: true. */
  readonly idGiven?: boolean
  /** How long the command may wait, in ms. Default: 5 000. Then it is `unavailable`, or `unknown` if it was on its way. */
  readonly deadlineMs?: number
  /** How much the command holds while it waits, counted against `queue.size`. Default: 0; HTTP gives the length of the body. */
  readonly size?: number
  /** Ends the wait as the deadline does. A command that is on its way is not abandoned. */
  readonly signal?: AbortSignal
  /** Who asks; stored with the events, given to `decide`. */
  readonly actor?: string
  readonly correlation?: string
  readonly causation?: string
  /** The W3C header of the trace that led here, where no adapter records one. */
  readonly traceparent?: string
}

/** A state as the log had it. */
export type StateAt = { readonly state: unknown; readonly version: number; readonly position: number }

export type Commands = {
  /**
   * Sends a command:
   * 1. Its data is parsed by the command's schema: `invalid` where it does not fit.
   * 2. It waits for its turn on its stream, is decided on the stream's state, and its events are appended.
   * 3. It resolves when they are durable (`accepted`), or to what the decision or the log said instead.
   * Throws only when an assumption broke: a decision that throws, an unknown decider, events that cannot be read.
   */
  readonly send: (command: Command, options?: SendOptions) => Promise<Outcome>
  /** What is wrong with a command that has not been sent; null: nothing. Throws as `send` does. */
  readonly check: (command: Command) => Invalid | null
  /** Sends a command from step 2 on: `data` is what its schema gave for `command.data`. */
  readonly dispatch: (command: Command, data: unknown, options?: SendOptions) => Promise<Outcome>
  /**
   * Appends events without a decision: all slices or none. No stream may appear twice. With a `key`, the same one within 24 h appends
   * nothing, and is `known`.
   */
  readonly append: (
    slices: readonly AppendSlice[],
    options?: Omit<SendOptions, 'idGiven' | 'expect' | 'keepMs'>,
  ) => Promise<AppendOutcome>
  /** The state of an instance, confirmed with the log; with `version` or `at`, as it was then. Null: it has no events. */
  readonly state: (
    decider: string,
    id: string,
    when?: { readonly version?: number; readonly at?: Date },
  ) => Promise<StateAt | null>
  readonly deciders: ReadonlyMap<string, DeciderSpec>
  /** How many commands wait for their outcome. */
  readonly waiting: () => number
  /** Takes no more commands, and answers those it took. */
  readonly close: () => Promise<void>
}

export const DEADLINE_MS = 5_000
const FORGET_KEYS_MS = 60 * 60 * 1_000
const STATE_PAGE = 1_000

/** Sends commands to deciders over an open store. */
export function commands(options: CommandOptions): Commands {
  const { deciders, store, bus, trace, now, report } = options
  const cache = { entries: 100_000, size: 268_435_456, ...options.states }
  const queue = { commands: 10_000, size: 67_108_864, ...options.queue }
  const dispatcher = new Dispatcher({ store, bus, trace, now, report, cache, queue })
  const familyOf = (category: string) => options.families?.get(category) ?? known(deciders, category).events
  const forgetting = setInterval(() => void store.forgetKeys().catch(report), FORGET_KEYS_MS)
  forgetting.unref()
  return {
    send: (command, options = {}) => send(dispatcher, deciders, trace, command, options),
    check: command => {
      const parsed = parse(known(deciders, command.decider), command)
      return 'outcome' in parsed ? parsed : null
    },
    dispatch: (command, data, options = {}) =>
      dispatch(dispatcher, known(deciders, command.decider), trace, command, data, options),
    append: (slices, options = {}) => append(dispatcher, familyOf, trace, slices, options),
    state: (name, id, when = {}) =>
      trace.step('load', [trace.current()], { 'emaki.streams': 1, 'db.system.name': store.system }, () =>
        state(store, dispatcher, known(deciders, name), id, when),
      ),
    deciders,
    waiting: () => dispatcher.waiting,
    close: async () => {
      clearInterval(forgetting)
      await dispatcher.close()
    },
  }
}

function known(deciders: ReadonlyMap<string, DeciderSpec>, name: string): DeciderSpec {
  const found = deciders.get(name)
  if (!found) throw new TypeError(`no decider ${name} is served; there are ${[...deciders.keys()].join(', ')}`)
  return found
}

function send(
  dispatcher: Dispatcher,
  deciders: ReadonlyMap<string, DeciderSpec>,
  trace: Trace,
  command: Command,
  options: SendOptions,
): Promise<Outcome> {
  const decider = known(deciders, command.decider)
  const parsed = parse(decider, command)
  if ('outcome' in parsed) return Promise.resolve(parsed)
  return dispatch(dispatcher, decider, trace, command, parsed.data, options)
}

/** A command's data as its schema gives it. */
function parse(decider: DeciderSpec, command: Command): { readonly data: unknown } | Invalid {
  const schema = decider.commands.get(command.command)
  if (!schema) throw new TypeError(`${decider.name} has no command ${command.command}`)
  const wrong = idProblem(command.id)
  if (wrong) return invalid([{ path: ['id'], message: wrong }])
  const parsed = schema.safeParse(command.data)
  return parsed.success ? { data: parsed.data } : invalid(parsed.error.issues)
}

function dispatch(
  dispatcher: Dispatcher,
  decider: DeciderSpec,
  trace: Trace,
  command: Command,
  data: unknown,
  options: SendOptions,
): Promise<Outcome> {
  const parent = trace.current()
  return new Promise((resolve, reject) => {
    dispatcher.enqueue(
      (arrival, ended): Member => ({
        decider,
        command: { ...command, data: fitting(decider.commands.get(command.command)!, data) },
        stream: `${decider.name}-${command.id}`,
        arrival,
        expect: options.expect ?? null,
        key: options.key === undefined ? null : keyOf(command, options.key, options),
        keyCheck: options.key === undefined ? 'done' : options.expect === undefined ? 'append' : 'before',
        actor: options.actor ?? null,
        meta: metaOf(options, parent),
        deadline: performance.now() + (options.deadlineMs ?? DEADLINE_MS),
        signal: options.signal ?? null,
        parent,
        size: options.size ?? 0,
        attempts: 0,
        answer: outcome => {
          ended()
          resolve(outcome)
        },
        fail: error => {
          ended()
          reject(error)
        },
      }),
    )
  })
}

function invalid(issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[]): Invalid {
  return {
    outcome: 'invalid',
    issues: issues.map(({ path, message }) => ({ path: path.map(step => `/${String(step)}`).join(''), message })),
  }
}

/** Client keys are scoped by decider and command. */
function keyOf(
  command: Command,
  key: string,
  { idGiven = true, isOwnKey = false, keepMs = KEY_KEEP_MS }: SendOptions,
): Member['key'] {
  return {
    key: isOwnKey ? `agenda:${key}` : `client:${command.decider}.${command.command}:${key}`,
    fingerprint: fingerprintOf(command, idGiven),
    keepMs,
  }
}

function metaOf({ correlation, causation, actor, ...sent }: SendOptions, parent: TraceContext | null): Omit<Meta, 'schema'> {
  const cause = causation ?? Bun.randomUUIDv7()
  const traceparent = parent?.traceparent ?? sent.traceparent
  return {
    correlation: correlation ?? cause,
    causation: cause,
    ...(traceparent && { traceparent }),
    ...(actor !== undefined && { actor }),
  }
}

function append(
  dispatcher: Dispatcher,
  familyOf: (category: string) => EventsSpec,
  trace: Trace,
  slices: readonly AppendSlice[],
  options: SendOptions,
): Promise<AppendOutcome> {
  const parent = trace.current()
  const streams = new Set(slices.map(({ stream }) => stream))
  if (streams.size !== slices.length || streams.size === 0) throw new TypeError('an append names each of its streams once')
  for (const slice of slices) checkSlice(familyOf, slice)
  const until = performance.now() + (options.deadlineMs ?? DEADLINE_MS)
  return new Promise((resolve, reject) => {
    const family = (event: Event): EventsSpec => familyOf(event.category)
    const committed = (written: Written) => dispatcher.committed(written)
    const key = options.key === undefined ? null : options.isOwnKey ? options.key : `append:${options.key}`
    const ready = { until, signal: options.signal ?? null, parent, meta: metaOf(options, parent), committed, key }
    const taken = dispatcher.add(ended => {
      const done = (outcome: AppendOutcome) => {
        ended()
        resolve(outcome)
      }
      const fail = (error: unknown) => {
        ended()
        reject(error)
      }
      return request(slices, family, ready, done, fail)
    })
    if (!taken) resolve(unavailable)
  })
}

function checkSlice(familyOf: (category: string) => EventsSpec, { stream, expect, events }: AppendSlice): void {
  if (expect !== 'any' && expect !== 'exists' && !(Number.isSafeInteger(expect) && expect >= 0))
    throw new TypeError(`${stream} is expected to be at ${expect}, which is neither a version nor exists nor any`)
  const dash = stream.indexOf('-')
  const wrong = idProblem(stream.slice(dash + 1))
  if (dash < 1 || wrong)
    throw new TypeError(`the stream ${JSON.stringify(stream)} is not category-instance${wrong ? `: ${wrong}` : ''}`)
  const family = familyOf(stream.slice(0, dash))
  const stranger = events.find(({ category, type }) => category !== family.name || !family.types.has(type))
  if (stranger) throw new TypeError(`${stranger.category}.${stranger.type} does not belong into ${stream}`)
}

async function state(
  store: Store,
  dispatcher: Dispatcher,
  decider: DeciderSpec,
  id: string,
  { version, at }: { readonly version?: number; readonly at?: Date },
): Promise<StateAt | null> {
  const stream = `${decider.name}-${id}`
  const known = dispatcher.known(stream)
  const folded =
    version === undefined && at === undefined
      ? await current(store, dispatcher, decider, stream)
      : known?.version === version && at === undefined
        ? known!
        : await past(store, decider, stream, version, at)
  const { state: found, version: then, position } = folded
  return then === 0 ? null : { state: found, version: then, position }
}

/** Reads on from what this process knows: the tail that is missing, most often nothing, is also the confirmation. */
async function current(store: Store, dispatcher: Dispatcher, decider: DeciderSpec, stream: string): Promise<Folded> {
  let folded = dispatcher.known(stream) ?? empty(decider)
  for (let more = true; more; ) {
    const { streams } = await store.load(
      [{ stream, after: folded.version, snapshot: folded.version === 0 ? decider.snapshot?.version : undefined }],
      [],
    )
    const loaded = streams[0]!
    const from = loaded.snapshot ? { state: freeze(loaded.snapshot.state), version: loaded.snapshot.version } : folded
    folded = { ...fold(decider, stream, from, loaded.facts), position: loaded.position, size: folded.size + loaded.size }
    more = loaded.more
  }
  dispatcher.learn(stream, folded)
  return folded
}

async function past(
  store: Store,
  decider: DeciderSpec,
  stream: string,
  version = Number.MAX_SAFE_INTEGER,
  at?: Date,
): Promise<StateAt> {
  let folded: Folded = empty(decider)
  for (;;) {
    const limit = Math.min(STATE_PAGE, version - folded.version)
    const page = limit > 0 ? inSequence(await store.read(stream, { after: folded.version, limit }), folded.version) : []
    const events = at ? page.filter(event => Date.parse(event.at) <= at.getTime()) : page
    const facts = events.map(({ type, schema, data }) => ({ type, schema, data: JSON.parse(data) as unknown }))
    folded = { ...fold(decider, stream, folded, facts), position: events.at(-1)?.position ?? folded.position, size: 0 }
    if (events.length < limit || limit <= 0) return folded
  }
}

function empty(decider: DeciderSpec): Folded {
  return { state: decider.initial, version: 0, position: 0, size: 0 }
}
