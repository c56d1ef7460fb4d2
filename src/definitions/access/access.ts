// The rules of an app, to be asked for a part of a definition.
import { errorWithoutSecrets } from '../secret-fields.ts'
import type { Definition } from '../definition.ts'
import type { Allowed, CommandAsk, EventsAsk, QueryAsk, RowAsk, Rule, StateAsk, Verdict, Visible } from './allow.ts'
import type { Caller } from './caller.ts'

/** The rules of all definitions that an app serves. Without any, each of them is `all`. */
export type Access = {
  /** Whether the app has rules. Then the log is open only by a rule, a guard or ADMIN_TOKEN. */
  readonly isRuled: boolean
  readonly command: (decider: string, command: string) => Rule<CommandAsk>
  readonly state: (decider: string) => Rule<StateAsk>
  /** Null: there is no such rule. */
  readonly stream: (category: string) => Rule<StateAsk> | null
  readonly events: (category: string) => Rule<EventsAsk> | null
  readonly row: (projection: string) => Rule<RowAsk>
  readonly visible: (projection: string) => Visible | null
  readonly query: (query: string) => Rule<QueryAsk>
}

/** A caller was refused. `isHidden`: it may not know that what it asked for exists. */
export class AccessRefused extends Error {
  override readonly name = 'AccessRefused'
  readonly isHidden: boolean
  constructor(isHidden: boolean) {
    super('the rule of the app refused the caller')
    this.isHidden = isHidden
  }
}

/** Asks a rule. Whatever is neither true nor `hidden`, such as undefined or a promise, is false. Throws what the rule throws. */
export function askRule<Ask>(rule: Rule<Ask>, ask: Ask): Verdict {
  try {
    const verdict = rule === 'all' ? true : rule(ask)
    return verdict === true || verdict === 'hidden' ? verdict : false
  } catch (error) {
    throw errorWithoutSecrets(error, ask)
  }
}

/** Asks a rule. Throws AccessRefused, or what the rule throws. */
export function checkRule<Ask>(rule: Rule<Ask>, ask: Ask): void {
  const verdict = askRule(rule, ask)
  if (verdict !== true) throw new AccessRefused(verdict === 'hidden')
}

/** The values of indexes that the rows have which a caller sees; null: it sees all. Throws AccessRefused. */
export function visibleTo(visible: Visible | null, actor: Caller | null): Readonly<Record<string, unknown>> | null {
  if (visible === null) return null
  const seen = actor === null ? false : visible(actor)
  if (typeof seen === 'object' && seen !== null) return seen
  checkRule<null>(() => seen, null)
  return null
}

const refuse = (): Verdict => false
const OPEN: Access = {
  isRuled: false,
  command: () => 'all',
  state: () => 'all',
  stream: () => null,
  events: () => null,
  row: () => 'all',
  visible: () => null,
  query: () => 'all',
}

/**
 * The rules of an app. Once it has any, what they leave out is refused. Throws a TypeError for rules of a definition that
 * is not served, and for two rules of one.
 */
export function accessOf(allowed: readonly Allowed[] | undefined, definitions: readonly Definition[]): Access {
  if (!allowed) return OPEN
  const deciders = new Set(definitions.filter(({ kind }) => kind === 'decider').map(({ name }) => name))
  const rules = new Map<string, Allowed['rules']>()
  for (const { of, rules: given } of allowed) {
    if (!definitions.includes(of)) throw new TypeError(`authorize: the app does not serve the ${of.kind} ${of.name}`)
    if (rules.has(of.name)) throw new TypeError(`authorize has two values for the ${of.kind} ${of.name}`)
    rules.set(of.name, given)
  }
  // `allow` has typed each function by the part that it is for.
  const part = <R>(name: string, key: string): R | null => {
    const given = rules.get(name)
    if (given === undefined) return null
    return (typeof given === 'object' ? (given[key] ?? null) : given) as R | null
  }
  return {
    isRuled: true,
    command: (decider, command) => commandRule(part(decider, 'commands'), command),
    state: decider => part<Rule<StateAsk>>(decider, 'state') ?? refuse,
    stream: category => (deciders.has(category) ? part(category, 'stream') : null),
    events: category => eventsRule(rules.get(category)),
    row: projection => part<Rule<RowAsk>>(projection, 'read') ?? (rules.has(projection) ? 'all' : refuse),
    visible: projection => (typeof rules.get(projection) === 'object' ? part(projection, 'visible') : null),
    query: query => part<Rule<QueryAsk>>(query, '') ?? refuse,
  }
}

function commandRule(
  commands: Rule<CommandAsk> | Readonly<Record<string, Rule<CommandAsk>>> | null,
  command: string,
): Rule<CommandAsk> {
  if (commands === null) return refuse
  return typeof commands === 'object' ? (commands[command] ?? refuse) : commands
}

/** A single rule of a decider is about one instance. So it opens the events of all instances only if it is `all`. */
function eventsRule(rules: Allowed['rules'] | undefined): Rule<EventsAsk> | null {
  if (typeof rules === 'object') return (rules['events'] as Rule<EventsAsk> | undefined) ?? null
  return rules === 'all' ? 'all' : null
}
