// Texts of a format: an address, an id, a time. Its node drops the few that its schema does not take.
import type { Arbitrary } from 'fast-check'
import { fc } from '../fast-check.ts'
import type { SchemaCheck, Schema } from './schema-def.ts'

export const dates = (): Arbitrary<Date> =>
  fc.date({ min: new Date('1970-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })

const host = () => fc.stringMatching(/^[a-z]{1,8}(-[a-z0-9]{1,4})?\.(com|org|co\.uk|dev)$/)
const token = (length: number) => fc.stringMatching(new RegExp(`^[A-Za-z0-9_-]{${length}}$`))

type Write = (date: Date) => string
const INSTANTS: readonly Write[] = [
  date => date.toISOString(),
  date => date.toISOString().replace(/\.\d+/, ''),
  date => date.toISOString().replace('Z', '000Z'),
  date => date.toISOString().replace('Z', '+02:00'),
  date => `${date.toISOString().slice(0, 16)}Z`,
  date => date.toISOString().slice(0, 23),
  date => date.toISOString().slice(0, 19),
  date => date.toISOString().slice(0, 16),
]
const TIMES: readonly Write[] = INSTANTS.map(
  write => date =>
    write(date)
      .slice(11)
      .replace(/Z|\+.*$/, ''),
)

/** An instant in each way of writing that the schema takes. */
function written(schema: Schema, ways: readonly Write[]): Arbitrary<string> {
  const taken = ways.filter(write => schema.safeParse(write(new Date(0))).success)
  return fc.tuple(dates(), fc.constantFrom(...(taken.length ? taken : ways))).map(([date, write]) => write(date))
}

const joined = (...parts: Arbitrary<unknown>[]): Arbitrary<string> => fc.tuple(...parts).map(texts => texts.join(''))

const FORMATS: Readonly<Record<string, (schema: Schema, check: SchemaCheck) => Arbitrary<string>>> = {
  email: () => joined(fc.stringMatching(/^[a-z]{1,8}[0-9]?([.+][a-z]{1,4})?$/), fc.constant('@'), host()),
  url: () =>
    joined(fc.constantFrom('https://', 'http://'), host(), fc.stringMatching(/^(\/[a-z0-9]{1,6}){0,2}(\?q=[a-z]{1,3})?$/)),
  // A version of zod is v1 to v8, which are the versions that fast-check has.
  uuid: (_, { version }) => fc.uuid({ version: version ? (Number(version.slice(1)) as 4) : [1, 4, 7] }),
  guid: () => fc.uuid(),
  ulid: () => fc.ulid(),
  ipv4: () => fc.ipV4(),
  ipv6: () => fc.ipV6(),
  cidrv4: () => joined(fc.ipV4(), fc.constant('/'), fc.integer({ min: 0, max: 32 })),
  cidrv6: () => joined(fc.ipV6(), fc.constant('/'), fc.integer({ min: 0, max: 128 })),
  base64: () => fc.base64String(),
  datetime: schema => written(schema, INSTANTS),
  date: () => dates().map(date => date.toISOString().slice(0, 10)),
  time: schema => written(schema, TIMES),
  duration: () => fc.tuple(fc.nat(30), fc.nat(23)).map(([days, hours]) => `P${days}DT${hours}H`),
  jwt: () =>
    joined(fc.constant(`${btoa('{"alg":"HS256","typ":"JWT"}').replaceAll('=', '')}.`), token(12), fc.constant('.'), token(16)),
  emoji: () => fc.string({ unit: fc.constantFrom('🎁', '👍', '🚚', '🍎'), minLength: 1, maxLength: 3 }),
  hostname: host,
  json_string: () => fc.json(),
  starts_with: (_, { prefix = '' }) => fc.string().map(text => prefix + text),
  ends_with: (_, { suffix = '' }) => fc.string().map(text => text + suffix),
  includes: (_, { includes = '' }) => joined(fc.string(), fc.constant(includes), fc.string()),
  lowercase: () => fc.string().map(text => text.toLowerCase()),
  uppercase: () => fc.string().map(text => text.toUpperCase()),
}

/** Texts of a format. Throws a TypeError where neither its name nor its pattern says how to make one. */
export function formatTexts(schema: Schema, check: SchemaCheck, path: string): Arbitrary<string> {
  const make = Object.hasOwn(FORMATS, check.format!) ? FORMATS[check.format!] : undefined
  if (make) return make(schema, check)
  const pattern = check.pattern ?? schema._zod.pattern
  try {
    if (pattern) return fc.stringMatching(pattern)
  } catch {
    // fast-check makes no text for some patterns, such as those that look ahead.
  }
  throw new TypeError(
    `${path || '/'}: no text is made for the format ${check.format} ${pattern ?? ''}: give an arbitrary for it with own`,
  )
}
