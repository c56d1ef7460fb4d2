// What bad input gets: illegal input a 4xx problem that says where and why, legal but odd input what it sent, byte for byte.
import { afterEach, describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { decider } from '../src/definitions/decider/decider.ts'
import { events } from '../src/definitions/event/events.ts'
import { memory } from '../src/ports/store/memory.ts'
import { type Answer, client, expectProblem } from '../src/test-support/http.ts'
import { app } from './app.ts'
import type { Slug } from './http/problem.ts'

const JSON_TYPE = { 'Content-Type': 'application/json' }
const bytes = (...parts: (string | number[])[]) =>
  Buffer.concat(parts.map(part => (typeof part === 'string' ? Buffer.from(part) : Uint8Array.from(part))))
const nest = (depth: number, open = '[', close = ']') => open.repeat(depth) + close.repeat(depth)
const atPointer = (pointer: string) => ({ errors: [{ pointer, detail: expect.any(String) }] })

const neighbours = client()
const before = Object.getOwnPropertyNames(Object.prototype)

/** Sends input while a neighbour sends a command, and expects that only the neighbour's is in the log. */
async function refused(path: string, init: RequestInit, slug: Slug, members: object): Promise<Answer> {
  const head = await neighbours.store.head()
  const neighbour = neighbours.post('/account/neighbour/deposit', { cents: 1 })
  const answer = await neighbours.ask(path, { method: 'POST', ...init })
  expectProblem(answer, slug, members)
  expect((await neighbour).status).toBeOneOf([200, 201])
  expect(await neighbours.store.head()).toBe(head + 1)
  return answer
}

afterEach(() => {
  expect(neighbours.reported).toEqual([])
  expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before)
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
})

describe('a body that is no JSON', () => {
  test.each([
    ['{', 'unexpected end at line 1, column 2'],
    ['', 'unexpected end at line 1, column 1'],
    [' \n ', 'unexpected end at line 2, column 2'],
    ['{"cents":}', 'unexpected "}" at line 1, column 10'],
    ['{"cents":1,}', 'unexpected "}" at line 1, column 12'],
    ['{"cents":01}', 'unexpected "1" at line 1, column 11'],
    ['{"cents":+1}', 'unexpected "+" at line 1, column 10'],
    ['{"cents":.5}', 'unexpected "." at line 1, column 10'],
    ['{"cents":0x5}', 'unexpected "x" at line 1, column 11'],
    ['{"cents":NaN}', 'unexpected "N" at line 1, column 10'],
    ['{"cents":1}{"cents":1}', 'unexpected "{" at line 1, column 12'],
    ['{"cents":1} x', 'unexpected "x" at line 1, column 13'],
    ["{'cents':1}", 'unexpected "\'" at line 1, column 2'],
    ['{cents:1}', 'unexpected "c" at line 1, column 2'],
    ['// comment\n{"cents":1}', 'unexpected "/" at line 1, column 1'],
    ['{"cents":1,"note":"\u0000"}', 'unexpected "\\"" at line 1, column 19'],
    ['{"cents":1,"note":"\n"}', 'unexpected "\\"" at line 1, column 19'],
    ['{"cents":1,"note":"\\x"}', 'unexpected "\\"" at line 1, column 19'],
    ['\uFEFF{"cents":1}', 'unexpected "\uFEFF" at line 1, column 1'],
    [`[1 2,${nest(400_000, '[', '')}`, 'unexpected "2" at line 1, column 4'],
    [`{"${'x'.repeat(1_000_000)}`, 'unexpected "\\"" at line 1, column 2'],
    ['x'.repeat(1_000_000), 'unexpected "x" at line 1, column 1'],
  ])('a body that is not JSON answers 400 with the line and the column: %.30j', async (body, detail) => {
    await refused('/account/a1/deposit', { headers: JSON_TYPE, body }, 'malformed-json', { detail })
  })

  test.each([
    ['a byte that no character has', bytes('{"cents":1,"note":"', [0xff], '"}'), 19],
    ['an overlong form', bytes('{"cents":1,"note":"', [0xc0, 0x80], '"}'), 19],
    ['a surrogate', bytes('{"cents":1,"note":"ü', [0xed, 0xa0, 0x80], '"}'), 21],
    ['half a character at its end', bytes('"', [0xe2, 0x82]), 1],
    ['Latin-1', bytes('{"cents":1,"note":"', [0xfc], '"}'), 19],
    ['UTF-16', bytes([0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00]), 0],
  ])('a body that is not UTF-8 answers 400 with the place: %s', async (_, body, atPointer) => {
    await refused('/account/a1/deposit', { headers: JSON_TYPE, body }, 'malformed-json', {
      detail: `not UTF-8 at byte ${atPointer}`,
    })
  })
})

describe('JSON that cannot be a payload', () => {
  test.each([
    ['a lone surrogate', '{"cents":1,"note":"\\ud800"}', '#/note'],
    ['a lone low surrogate', '{"cents":1,"note":"a\\udc00b"}', '#/note'],
    ['surrogates in the wrong order', '{"cents":1,"note":"\\udc00\\ud800"}', '#/note'],
    ['a lone surrogate in a key', '{"cents":1,"\\ud800":1}', '#'],
    ['a lone surrogate in a list', '{"cents":1,"x":["a",{"b/~ ü":"\\ud800"}]}', '#/x/1/b~1~0%20%C3%BC'],
    ['a __proto__ key', '{"cents":1,"__proto__":{"polluted":true}}', '#'],
    ['an escaped __proto__ key', '{"cents":1,"\\u005f_proto__":{"polluted":true}}', '#'],
    ['a __proto__ key below', '{"cents":1,"x":[{"__proto__":{"polluted":true}}]}', '#/x/0'],
    ['a __proto__ key that holds nothing', '{"cents":1,"__proto__":null}', '#'],
    ['a number beyond doubles', '{"cents":1e400}', '#/cents'],
    ['a negative number beyond doubles', '{"cents":1,"x":[-1e999]}', '#/x/0'],
    ['an integer that a double rounds', '{"cents":9007199254740993}', '#/cents'],
    ['an integer beyond 2^53 - 1 that no schema asks for', '{"cents":1,"x":[{"id":-9007199254740993}]}', '#/x/0/id'],
    ['a number that a double makes 0', '{"cents":1,"x":1e-400}', '#/x'],
    ['too deep a list', `{"cents":1,"x":${nest(64)}}`, `#/x${'/0'.repeat(63)}`],
    ['a list a thousand deep', nest(1_000), `#${'/0'.repeat(64)}`],
    ['a list half a million deep', nest(500_000), `#${'/0'.repeat(64)}`],
    ['a list a million deep that never ends', nest(1_000_000, '[', ''), `#${'/0'.repeat(64)}`],
    ['an object a hundred thousand deep', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`, `#${'/a'.repeat(64)}`],
  ])('JSON that cannot be a payload answers 400 with a pointer to the place: %s', async (_, body, pointer) => {
    await refused('/account/a1/deposit', { headers: JSON_TYPE, body }, 'validation-failed', atPointer(pointer))
  })
})

test('a number that a double rounds answers 400 with the number, also where the schema takes any number', async () => {
  const Family = events('gauge', { Measured: z.object({ value: z.number() }) })
  const gauge = decider(Family, {
    initial: {},
    evolve: { Measured: state => state },
    commands: { measure: z.object({ value: z.number() }) },
    decide: { measure: (_, { value }) => Family.Measured({ value }) },
  })
  const store = memory()
  const served = app({ serve: [gauge], store })
  const measure = (value: string) =>
    served.request('/gauge/g1/measure', { method: 'POST', headers: JSON_TYPE, body: `{"value":${value}}` })
  for (const [value, shown] of [
    ['9007199254740993', '9007199254740993'],
    ['1e400', '1e400'],
    ['1'.repeat(400), `${'1'.repeat(40)}…`],
  ] as const)
    expect([value, await (await measure(value)).json()]).toEqual([
      value,
      expect.objectContaining({
        status: 400,
        errors: [{ pointer: '#/value', detail: expect.stringContaining(`the number ${shown} is beyond what a double holds`) }],
      }),
    ])
  expect(await store.head()).toBe(0)
  for (const value of ['0.1', '9007199254740991', '6.02214076e23', '-0'])
    expect((await measure(value)).status).toBeOneOf([200, 201])
  const stored = await store.read('gauge-g1', { after: 0, limit: 9 })
  expect(stored.map(({ data }) => data)).toEqual(
    ['0.1', '9007199254740991', '6.02214076e+23', '0'].map(value => `{"value":${value}}`),
  )
})

describe('JSON that does not fit', () => {
  test.each([
    ['[]', '#'],
    ['"cents"', '#'],
    ['null', '#'],
    ['-0', '#'],
    ['{"cents":"1"}', '#/cents'],
    ['{"cents":[1]}', '#/cents'],
    ['{"cents":true}', '#/cents'],
    ['{"cents":null}', '#/cents'],
    ['{"cents":9007199254740992}', '#/cents'],
    ['{"cents":9007199254740993}', '#/cents'],
    ['{"cents":-0}', '#/cents'],
    ['{"cents":1e-400}', '#/cents'],
    ['{"cents":1,"note":{"toString":"x"}}', '#/note'],
    ['{"cents":1,"note":["a"]}', '#/note'],
    ['{"cents":1,"cents":"last"}', '#/cents'],
    ['{"toString":1,"constructor":2}', '#/cents'],
  ])('JSON that does not fit the schema answers 400 with a pointer to the place: %s', async (body, pointer) => {
    await refused('/account/a1/deposit', { headers: JSON_TYPE, body }, 'validation-failed', atPointer(pointer))
  })
})

test('JSON that does not fit the schema in 100,000 places answers 400 with the first 100 of them', async () => {
  const Family = events('list', { Kept: z.object({}) })
  const list = decider(Family, {
    initial: {},
    evolve: { Kept: state => state },
    commands: { keep: z.object({ numbers: z.array(z.int()) }) },
    decide: { keep: () => Family.Kept({}) },
  })
  const { post } = client({ serve: [list] })
  const { status, body } = await post('/list/a1/keep', { numbers: Array.from({ length: 100_000 }, () => 'x') })
  const { errors } = body as { errors: unknown[] }
  expect([status, errors.length]).toEqual([400, 100])
})

test('JSON whose keys are long and do not fit answers 400 with texts of at most 1,000 characters', async () => {
  const Family = events('list', { Kept: z.object({}) })
  const list = decider(Family, {
    initial: {},
    evolve: { Kept: state => state },
    commands: { keep: z.object({ by: z.record(z.string(), z.int()), only: z.strictObject({}) }) },
    decide: { keep: () => Family.Kept({}) },
  })
  const key = `${'/😀'.repeat(50_000)}`
  const { body } = await client({ serve: [list] }).post('/list/a1/keep', { by: { [key]: 'x' }, only: { [key]: 1 } })
  const { errors } = body as { errors: { pointer: string; detail: string }[] }
  expect(errors.map(({ pointer }) => pointer.slice(0, 24))).toEqual(
    ['#/by/~1%F0%9F%98%80~1%F0%', '#/only'].map(one => one.slice(0, 24)),
  )
  for (const { pointer, detail } of errors) expect([pointer.length, detail.length].every(many => many <= 1_001)).toBeTrue()
})

describe('a path', () => {
  const body = '{"cents":1}'

  test.each([
    '%00',
    'a%00b',
    '%FF',
    '%C0%80',
    '%ED%A0%80',
    'a%',
    '%zz',
    '%u0041',
    '%F4%90%80%80',
    'x'.repeat(401),
    'x'.repeat(10_000),
    '%F0%9F%8E%81'.repeat(201),
  ])('a path whose id is not text, or is too long, answers 400: %.40s', async id => {
    await refused(`/account/${id}/deposit`, { headers: JSON_TYPE, body }, 'validation-failed', atPointer('#/id'))
    expectProblem(await neighbours.get(`/account/${id}`), 'validation-failed', atPointer('#/id'))
    expectProblem(await neighbours.get(`/streams/account-${id}`), 'stream-not-found')
  })

  test.each([
    '/account//deposit',
    '/account/a/b/deposit',
    '/account/../deposit',
    '/account/%2e%2e/deposit',
    '/account/a1/deposit%00',
    '/%61ccount%2fa1/deposit',
    '//account/a1/deposit',
    '/account/a1/Deposit',
    '/account/a1/%20deposit',
    `/${'x'.repeat(10_000)}`,
  ])('a path that leads to no command answers 404: %.40s', async path => {
    await refused(path, { headers: JSON_TYPE, body }, 'not-found', {})
  })

  test('paths that differ only in the encoding of their characters lead to the same stream', async () => {
    const { post } = client()
    expect((await post('/account/%61%2D%7E/deposit', { cents: 1 })).body).toMatchObject({ id: 'a-~', version: 1 })
    expect((await post('/%61ccount/a-~/%64eposit', { cents: 1 })).body).toMatchObject({ id: 'a-~', version: 2 })
    expect((await post('/account/%25FF/deposit', { cents: 1 })).body).toMatchObject({ id: '%FF', version: 1 })
  })
})

describe('legal but odd input', () => {
  // biome-ignore format: one list
  const ODD = [
    "'", '"', '`', '\\', '\\u0000', '$$', '$1', '%s', '%I', '?', ';', '--', '/* */', "'; drop table events; --", '../..', 'toString', 'constructor', '__proto__', 'hasOwnProperty', 'null', 'undefined', 'true', '0', '-0', '1e400', '[object Object]', '<script>alert(1)</script>', '{{x}}', '=1+1', 'NaN', ' ', '  ', '\t', '\n', '\r\n', 'ü', 'u\u0308', 'ß', 'İ', '日本語', 'ﷺ', '\u202e', '\u2028\u2029', '\ufeff', '\uffff', '\u{10ffff}', '👩‍👩‍👧‍👦', 'a\u0301'.repeat(50), '\u001f', '\u007f', '\u0080',
  ]

  test.each(ODD)('an odd text comes back byte for byte, as an id and in a payload: %j', async text => {
    const { app, post, get } = client()
    const note = `${text}${text}`
    const path = `/account/${encodeURIComponent(text)}`
    const { status, body } = await post(`${path}/deposit`, { cents: 1, note })
    expect([status, body]).toMatchObject([201, { id: text, stream: `account-${text}` }])
    const stored = await (await app.request(`/streams/${encodeURIComponent(`account-${text}`)}`)).text()
    expect(stored).toContain(`"data":${JSON.stringify({ cents: 1, note })}`)
    expect(stored).toContain(`"stream":${JSON.stringify(`account-${text}`)}`)
    expect((await get(path)).body).toEqual({ balance: 1 })
  })

  test('a NUL in a payload comes back', async () => {
    const { post, get } = client()
    await post('/account/a1/deposit', { cents: 1, note: '\u0000a\u0000' })
    expect((await get('/streams/account-a1')).body).toMatchObject({ events: [{ data: { note: '\u0000a\u0000' } }] })
  })

  test('a body with unknown fields is accepted without them', async () => {
    const { post } = client()
    const answer = await post('/account/a1/deposit', '{"x":1,"constructor":{"prototype":{"polluted":1}},"cents":2}')
    expect(answer.body).toMatchObject({ events: [{ data: { cents: 2, note: '' } }] })
  })

  test('a body with 64 levels of nesting is accepted', async () => {
    const { post } = client()
    expect((await post('/account/a1/deposit', `{"cents":1,"x":${nest(63)}}`)).status).toBe(201)
  })

  test('a body with 100,000 keys is accepted', async () => {
    const { post } = client()
    const keys = Array.from({ length: 80_000 }, (_, i) => `"k${i}":0`).join(',')
    expect((await post('/account/a1/deposit', `{"cents":1,${keys}}`)).status).toBe(201)
  })

  test('headers that no route reads change nothing in the answer', async () => {
    const { post } = client()
    const headers = {
      'X-HTTP-Method-Override': 'DELETE',
      'Content-Encoding': 'gzip',
      Expect: 'x',
      'X-Forwarded-Host': 'evil',
      Range: 'bytes=0-1',
      TE: 'x',
    }
    expect((await post('/account/a1/deposit', { cents: 1 }, headers)).headers.get('location')).toBe('/account/a1')
  })
})

test('a command whose event would be too long answers 413, and other commands are accepted', async () => {
  const Note = events('note', { Written: z.object({ text: z.string() }) })
  const note = decider(Note, {
    initial: {},
    evolve: { Written: state => state },
    commands: { write: z.object({ times: z.int() }) },
    decide: { write: (_, { times }) => Note.Written({ text: 'x'.repeat(times) }) },
  })
  const web = app({ serve: [note], store: memory() })
  const write = (times: number) =>
    web.request('/note/n/write', {
      method: 'POST',
      body: JSON.stringify({ times }),
      headers: { 'Content-Type': 'application/json' },
    })
  const [long, short] = await Promise.all([write(1_100_000), write(1)])
  expect([long.status, short.status]).toEqual([413, 201])
})
