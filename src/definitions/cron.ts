// What is wrong with a cron expression, in words: the engine's own text names neither the field nor its bounds.
import { describeNames } from './nearest-name.ts'

type Field = { readonly name: string; readonly min: number; readonly max: number; readonly names: readonly string[] }

const MONTHS = 'january february march april may june july august september october november december'.split(' ')
const WEEKDAYS = 'sunday monday tuesday wednesday thursday friday saturday'.split(' ')
const FIELDS: readonly Field[] = [
  { name: 'minute', min: 0, max: 59, names: [] },
  { name: 'hour', min: 0, max: 23, names: [] },
  { name: 'day of the month', min: 1, max: 31, names: [] },
  { name: 'month', min: 1, max: 12, names: MONTHS },
  { name: 'day of the week', min: 0, max: 7, names: WEEKDAYS },
]
const NICKNAMES = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly']

/** The first thing that is wrong with a cron expression. Null: nothing is. */
export function cronProblem(cron: string): string | null {
  const texts = cron.split(/[ \t]+/).filter(text => text !== '')
  if (texts[0]?.startsWith('@')) return nicknameProblem(texts.join(' '))
  if (texts.length !== FIELDS.length) {
    const seconds = texts.length === FIELDS.length + 1 ? '; there is no field of seconds' : ''
    return `expected five fields (${FIELDS.map(({ name }) => name).join(', ')}), found ${texts.length}${seconds}`
  }
  return firstProblem(FIELDS, (field, i) => firstProblem(texts[i]!.split(','), part => partProblem(field, part)))
}

function nicknameProblem(text: string): string | null {
  return NICKNAMES.includes(text.toLowerCase()) ? null : `there is no ${text}; ${describeNames(text, NICKNAMES)}`
}

/** What is wrong with one of the parts of a field that commas divide. */
function partProblem(field: Field, part: string): string | null {
  const [base, step, ...others] = part.split('/') as [string, ...string[]]
  if (step !== undefined && (others.length > 0 || !isWithin(step, 1, field.max)))
    return `the ${field.name}: expected a step from 1 to ${field.max} after the /, found ${JSON.stringify([step, ...others].join('/'))}`
  return base === '*' ? null : rangeProblem(field, base)
}

function rangeProblem(field: Field, text: string): string | null {
  const ends = text.split('-')
  const values = ends.map(end => numberOf(field, end))
  const wrong = ends.length > 2 ? text : ends[values.indexOf(null)]
  if (wrong !== undefined) return `the ${field.name}: expected ${describeValues(field)}, found ${JSON.stringify(wrong)}`
  const [from, to = from] = values as [number, number?]
  if (from <= to) return null
  return `the ${field.name}: expected a range that goes up, found ${text}; write ${from}-${field.max},${field.min}-${to}`
}

/** The value of a number or a name. Null: it has none. */
function numberOf({ min, max, names }: Field, text: string): number | null {
  const word = text.toLowerCase()
  const named = names.findIndex(name => word === name || word === name.slice(0, 3))
  if (named >= 0) return min + named
  return isWithin(text, min, max) ? Number(text) : null
}

function describeValues({ min, max, names }: Field): string {
  const words = names.length ? `, or ${names[0]!.slice(0, 3).toUpperCase()} to ${names.at(-1)!.slice(0, 3).toUpperCase()}` : ''
  return `${min} to ${max}${words}, or * for each`
}

function isWithin(text: string, min: number, max: number): boolean {
  return /^[0-9]+$/.test(text) && Number(text) >= min && Number(text) <= max
}

function firstProblem<T>(list: readonly T[], find: (one: T, index: number) => string | null): string | null {
  for (const [i, one] of list.entries()) {
    const problem = find(one, i)
    if (problem !== null) return problem
  }
  return null
}
