import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { importMap } from '../transfer/import-map.ts'
import { inbox } from '../dispatch/inbox.ts'
import { exposeState } from '../../routes/streams/states.ts'
import { decider } from './decider/decider.ts'
import { events, spec, split } from './event/events.ts'
import { read } from './event/read.ts'
import { upcast } from './event/upcast.ts'
import { errorWithoutSecrets, noteSecretFields } from './secret-fields.ts'

const secret = z.string().meta({ secret: true })
const NUMBER = '4111-7f3a91-0042'

/** What a function throws or rejects with, as text with its causes. */
async function thrownBy(run: () => unknown): Promise<string> {
  try {
    return `nothing, but ${Bun.inspect(await run())}`
  } catch (error) {
    return Bun.inspect(error)
  }
}

const fail = (data: unknown): never => {
  throw new Error(`no luck with ${JSON.stringify(data)}`)
}

test.each<[string, z.ZodType, unknown]>([
  ['a field', z.object({ a1: secret }), { a1: NUMBER }],
  ['an optional field', z.object({ a2: secret.optional() }), { a2: NUMBER }],
  ['a field whose wrapper is marked', z.object({ a3: z.string().nullable().meta({ secret: true }) }), { a3: NUMBER }],
  ['a field of a list', z.object({ list: z.array(z.object({ a4: secret })) }), { list: [{ a4: NUMBER }] }],
  ['values of a list', z.object({ a5: z.array(secret) }), { a5: ['b', NUMBER] }],
  ['values of a record', z.object({ a6: z.record(z.string(), secret) }), { a6: { any: NUMBER } }],
  ['a field of one of several', z.union([z.object({ b: z.int() }), z.object({ a7: secret })]), { a7: NUMBER }],
  ['an object that is marked', z.object({ a8: z.object({ n: z.string() }).meta({ secret: true }) }), { a8: { n: NUMBER } }],
  ['a schema that is marked', z.object({ a9: z.string() }).meta({ secret: true }), { a9: NUMBER }],
  ['a lazy schema', z.object({ deep: z.lazy(() => z.object({ a10: secret })) }), { deep: { a10: NUMBER } }],
  ['what is transformed', z.object({ a11: secret.transform(text => text.length) }), { a11: NUMBER }],
])('the value of %s that is marked secret is hidden in an error', (_, schema, data) => {
  noteSecretFields([schema])
  expect(String(errorWithoutSecrets(new Error(`it was ${NUMBER}.`), data))).toBe('Error: it was ***.')
})

describe('an error without secrets', () => {
  noteSecretFields([z.object({ cardPin: z.int().meta({ secret: true }), cardCode: secret })])

  test('one schema under two names is marked under both', () => {
    const shared = secret.optional()
    noteSecretFields([z.object({ cardOne: shared, cardTwo: shared })])
    expect(String(errorWithoutSecrets(new Error(NUMBER), { cardTwo: NUMBER }))).toBe('Error: ***')
  })

  test('a marked field is hidden where a state keeps it, also in a map', () => {
    expect(String(errorWithoutSecrets(new Error(NUMBER), { kept: [new Map([['cardCode', NUMBER]])] }))).toBe('Error: ***')
  })

  test('a short value is hidden where it stands alone, and not within other texts', () => {
    const error = new Error('pin 123, not 1234 nor v1.123')
    expect(String(errorWithoutSecrets(error, { cardPin: 123 }))).toBe('Error: pin ***, not 1234 nor v1.123')
  })

  test('one or two characters are no secret', () => {
    expect(String(errorWithoutSecrets(new Error('no, 12'), { cardCode: 'no', cardPin: 12 }))).toBe('Error: no, 12')
  })

  test('a value is hidden as it stands in JSON', () => {
    const data = { cardCode: 'a "quoted"\nline' }
    expect(String(errorWithoutSecrets(new Error(JSON.stringify(data)), data))).toBe('Error: {"cardCode":"***"}')
  })

  test('an error stays the same one, without secrets in its stack, its causes and its own texts', () => {
    const error = Object.assign(new TypeError(NUMBER, { cause: new Error('inner', { cause: `text ${NUMBER}` }) }), {
      detail: `(${NUMBER})`,
    })
    expect(errorWithoutSecrets(error, { cardCode: NUMBER })).toBe(error)
    expect(Bun.inspect(error)).not.toContain(NUMBER)
    expect([error.message, error.detail, error.stack?.includes(NUMBER)]).toEqual(['***', '(***)', false])
  })

  test('an error that cannot be changed, a text and another object have one in their place', () => {
    const held = { cardCode: NUMBER }
    expect(errorWithoutSecrets(Object.freeze(new Error(`it was ${NUMBER}`)), held)).toEqual(new Error('it was ***'))
    expect(errorWithoutSecrets(`it was ${NUMBER}`, held)).toBe('it was ***')
    expect(Bun.inspect(errorWithoutSecrets({ was: NUMBER }, held))).not.toContain(NUMBER)
  })

  test('an error that quotes nothing marked is left as it is', () => {
    const error = new Error('no luck with 4111')
    const { message, stack } = error
    expect(errorWithoutSecrets(error, { cardCode: NUMBER, other: 4111 })).toBe(error)
    expect({ message: error.message, stack: error.stack }).toEqual({ message, stack })
  })
})

test.each<[string, () => unknown]>([
  ['a constructor', () => Order.Placed({ card: NUMBER, cents: 'x' } as never)],
  ['an upcast', () => read(Order[spec], 'order-1', 1, { type: 'Placed', schema: 'old', data: { card: NUMBER } })],
  ['a split', () => read(Order[spec], 'order-1', 1, { type: 'Both', schema: 'old', data: { card: NUMBER } })],
  ['a message', () => payments.take({ send: fail } as never, { id: 'm1', card: NUMBER })],
  ['a view of a state', () => exposeState(z.object({ card: z.string().refine(fail) }), { card: NUMBER })],
  ['a record of an import', () => mapped[spec].run({ card: NUMBER }, 1)],
])('%s that throws with a marked field throws without it', async (_, run) => {
  const thrown = await thrownBy(run)
  expect(thrown).toMatch(/no luck|cannot be read|order.Placed/)
  expect(thrown).not.toContain(NUMBER)
})

const quoted = { error: (found: { readonly input?: unknown }) => `no luck with ${JSON.stringify(found.input)}` }
const Old = z.object({ card: secret })
const Order = events(
  'order',
  {
    Placed: upcast(
      z.object({ card: secret, cents: z.int() }).refine(({ card }) => card !== NUMBER, quoted),
      Old,
      fail,
    ),
  },
  { was: { Both: split(Old, fail) } },
)
const payments = inbox('payments', { message: z.object({ id: z.string(), card: secret }), command: fail })
const mapped = importMap({ from: Order, record: z.object({ card: secret }), map: fail })

test('a schema that names a later one is not looked into before an error comes', () => {
  const note = decider(events('note', { Written: z.object({ text: z.string() }) }), {
    initial: {},
    evolve: { Written: state => state },
    commands: { write: z.object({ inner: z.lazy(() => Later) }) },
    decide: { write: () => [] },
  })
  const Later = z.object({ laterCard: secret })
  expect(note.write('n1', { inner: { laterCard: NUMBER } }).data.inner.laterCard).toBe(NUMBER)
  expect(String(errorWithoutSecrets(new Error(NUMBER), { laterCard: NUMBER }))).toBe('Error: ***')
})
