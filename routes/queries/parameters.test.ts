import { afterEach, describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { query } from '../../src/definitions/query.ts'
import { expectProblem } from '../../src/test-support/http.ts'
import { cleanUp } from '../../src/test-support/cleanup.ts'
import { openThingApp } from '../../src/test-support/thing-app.ts'

afterEach(cleanUp)

describe('the parameters of a query', () => {
  const echo = (params: z.ZodObject) => query('echo', { params, run: async params => ({ params }) })
  const ask = async (params: z.ZodObject, search: string) => openThingApp([echo(params)]).get(`/echo${search}`)

  const all = z.object({
    text: z.string().optional(),
    whole: z.int().optional(),
    real: z.number().optional(),
    flag: z.boolean().optional(),
    one: z.enum(['a', 'b', '1']).optional(),
    maybe: z.string().nullable().optional(),
    some: z.array(z.string().nullable()).optional(),
    made: z.coerce.string().optional(),
    list: z.array(z.string()).optional(),
    numbers: z.array(z.int()).optional(),
    either: z.union([z.int(), z.boolean()]).optional(),
    coerced: z.coerce.number().optional(),
    day: z.iso.date().optional(),
    cut: z.string().trim().optional(),
  })

  test.each<[string, object]>([
    ['', {}],
    ['?', {}],
    ['?text=', { text: '' }],
    ['?text=5', { text: '5' }],
    ['?text=null', { text: 'null' }],
    ['?text=a+b%2Bc%26%3D%3F', { text: 'a b+c&=?' }],
    ['?text=%F0%9F%8E%81', { text: '🎁' }],
    ['?whole=5&real=-1.5e3', { whole: 5, real: -1_500 }],
    ['?text=9007199254740993&real=6.02214076e23', { text: '9007199254740993', real: 6.02214076e23 }],
    ['?flag=true', { flag: true }],
    ['?one=1', { one: '1' }],
    ['?maybe=null', { maybe: null }],
    ['?maybe=x', { maybe: 'x' }],
    [String.raw`?maybe=\null`, { maybe: 'null' }],
    [String.raw`?maybe=\\null`, { maybe: String.raw`\null` }],
    [String.raw`?maybe=\nul`, { maybe: String.raw`\nul` }],
    [String.raw`?text=\null`, { text: String.raw`\null` }],
    [String.raw`?some=null&some=\null&some=a`, { some: [null, 'null', 'a'] }],
    ['?some=null', { some: [null] }],
    [String.raw`?list=null&list=\null`, { list: ['null', String.raw`\null`] }],
    ['?made=a', { made: 'a' }],
    ['?list=a', { list: ['a'] }],
    ['?list=1&list=2', { list: ['1', '2'] }],
    ['?numbers=1', { numbers: [1] }],
    ['?numbers=1&numbers=2', { numbers: [1, 2] }],
    ['?either=false', { either: false }],
    ['?coerced=7', { coerced: 7 }],
    ['?day=2026-01-31', { day: '2026-01-31' }],
    ['?cut=%20x%20', { cut: 'x' }],
    ['#text=5', {}],
  ])('the query string "%s" is read as the parameters %j', async (search, params) => {
    expect((await ask(all, search)).body).toEqual({ params })
  })

  test.each<[string, string]>([
    ['?other=1', '#/other'],
    ['?__proto__=1', '#/__proto__'],
    ['?constructor=1', '#/constructor'],
    ['?toString=', '#/toString'],
    ['?whole=x', '#/whole'],
    ['?whole=', '#/whole'],
    ['?whole=01', '#/whole'],
    ['?whole=1.5', '#/whole'],
    ['?whole=1&whole=2', '#/whole'],
    ['?real=1e999', '#/real'],
    ['?real=9007199254740993', '#/real'],
    ['?real=1e-400', '#/real'],
    ['?coerced=9007199254740993', '#/coerced'],
    ['?numbers=1&numbers=9007199254740993', '#/numbers/1'],
    ['?flag=yes', '#/flag'],
    ['?one=c', '#/one'],
    ['?text=a&text=b', '#/text'],
    ['?made=a&made=b', '#/made'],
    ['?maybe=null&maybe=null', '#/maybe'],
    ['?text=%00', '#/text'],
    ['?numbers=1&numbers=x', '#/numbers/1'],
    ['?text=%FF', '#'],
    ['?text=%zz', '#'],
  ])('the query string "%s" answers 400 with a pointer to %s', async (search, pointer) => {
    expectProblem(await ask(all, search), 'validation-failed', { errors: [{ pointer, detail: expect.any(String) }] })
  })

  test('a parameter of a query that is misspelt answers 400 with the nearest name and all others', async () => {
    const detail = 'is no parameter; did you mean limit? there are id, limit, min-position'
    const params = z.object({ id: z.string().optional(), limit: z.int().optional() })
    expectProblem(await ask(params, '?limti=1'), 'validation-failed', { errors: [{ pointer: '#/limti', detail }] })
  })

  test('the parameters of a query that are missing answer 400, or take their default', async () => {
    const params = z.object({ id: z.string().min(1), limit: z.int().max(9).default(5) })
    expectProblem(await ask(params, ''), 'validation-failed', { errors: [{ pointer: '#/id', detail: expect.any(String) }] })
    expect((await ask(params, '?id=a')).body).toEqual({ params: { id: 'a', limit: 5 } })
  })

  test('the parameters of a query that fit one by one, but not together, answer 400', async () => {
    const params = z
      .object({ from: z.int(), to: z.int() })
      .refine(({ from, to }) => from < to, { path: ['to'], error: 'before from' })
    expectProblem(await ask(params, '?from=2&to=1'), 'validation-failed', {
      errors: [{ pointer: '#/to', detail: 'before from' }],
    })
  })
})
