// The text of --help, for all verbs or for one.
import { EXIT, EXIT_MEANINGS } from './exit-codes.ts'
import { describeNames } from '../definitions/nearest-name.ts'
import { Misused, type Option, type Values, type Verb } from './verb.ts'

type Verbs = Readonly<Record<string, Verb>>
type UsageLine = readonly [left: string, right: string]

const COMMON: Readonly<Record<string, Option>> = {
  'print-config': { does: 'print the configuration with masked secrets, and end' },
  help: { does: 'print this usage, or that of one verb, and end' },
}
const JSON_OPTION: Option = { does: 'print the result as JSON' }

/** The options of a verb, without those that all verbs have. */
export function optionsOf({ options = {}, json }: Verb): Readonly<Record<string, Option>> {
  return { ...options, ...(json && { json: JSON_OPTION }) }
}

/** Refuses options that a verb does not have, and more words than it takes. */
export function checkCall(name: string, verb: Verb, values: Values, words: readonly string[]): void {
  const known = optionsOf(verb)
  const stranger = Object.keys(values).find(option => !Object.hasOwn(known, option))
  if (stranger !== undefined)
    throw new Misused(`${name} has no option --${stranger}; ${describeNames(stranger, Object.keys(known))}`)
  const most = verb.takes?.split(' ').length ?? 0
  if (words.length > most) throw new Misused(`${name} does not take ${words[most]}`)
}

/** All options, in the form of `parseArgs`. */
export function allOptions(verbs: Verbs): Readonly<Record<string, { readonly type: 'string' | 'boolean' }>> {
  const all = [COMMON, ...Object.values(verbs).map(optionsOf)].flatMap(options => Object.entries(options))
  return Object.fromEntries(all.map(([name, { takes }]) => [name, { type: takes === undefined ? 'boolean' : 'string' } as const]))
}

/** The usage of all verbs. */
export function usageOf(verbs: Verbs): string {
  const rows = Object.entries(verbs).flatMap(([name, verb]): UsageLine[] => [
    [titleOf(name, verb), verb.does],
    ...lines(verb.options ?? {}, '  '),
  ])
  const common = lines({ json: { does: 'print the result as JSON, for verbs that show something' }, ...COMMON })
  const codes = Object.entries(EXIT).map(([name, code]): UsageLine => [String(code), EXIT_MEANINGS[name as keyof typeof EXIT]])
  return [
    'usage: [verb] [options]',
    alignLines([...rows, ['', ''], ...common]),
    'Settings come from the environment; --print-config names them.',
    `Exit codes, besides 0:\n${alignLines(codes)}`,
  ].join('\n\n')
}

/** The usage of one verb. */
export function usageOfVerb(name: string, verb: Verb): string {
  const options = lines(optionsOf(verb))
  return `usage: ${titleOf(name, verb)}${options.length ? ' [options]' : ''}\n\n${verb.does}${options.length ? `\n\n${alignLines(options)}` : ''}`
}

function titleOf(name: string, { takes }: Verb): string {
  return takes === undefined ? name : `${name} ${takes}`
}

function lines(options: Readonly<Record<string, Option>>, indent = ''): readonly UsageLine[] {
  return Object.entries(options).map(([name, { takes, does }]) => [
    `${indent}--${takes === undefined ? name : `${name} ${takes}`}`,
    does,
  ])
}

function alignLines(rows: readonly UsageLine[]): string {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`.trimEnd()).join('\n')
}
