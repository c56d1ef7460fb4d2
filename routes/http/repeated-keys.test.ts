import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { client, expectProblem } from '../../src/test-support/http.ts'
import { findRepeatedKey } from './repeated-keys.ts'

const find = (text: string) => findRepeatedKey(text, JSON.parse(text))

describe('a repeated key', () => {
  test.each<[string, readonly PropertyKey[] | null]>([
    ['{"a":1,"a":1}', ['a']],
    ['{"a":1,"\\u0061":2}', ['a']],
    ['{"b":[1,{"x":"a:b"},{"c":1, "d" : 2 ,"c"\n:3}]}', ['b', 2, 'c']],
    ['[[],[{"":0,"":1}]]', [1, 0, '']],
    ['{"a":{"a":{"a":1}},"b":{"a":1}}', null],
    ['{"a":":","b:":"\\":","c\\\\":[":"]}', null],
    ['{"a":"a","b":["b","b"]}', null],
    ['"a:a"', null],
    ['{}', null],
    ['{"__proto__":1,"__proto__":2}', ['__proto__']],
  ])('a repeated key is found by its path in %s: %j', (text, path) => expect(find(text)).toEqual(path as never))

  test('no key is repeated in what JSON.stringify writes, with spaces and without', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), value => {
        for (const space of [0, 2]) expect(find(JSON.stringify(value, null, space))).toBeNull()
      }),
    )
  })

  test('a key that is written once more into any object is found', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 }), fc.jsonValue(), (members, value) => {
        const texts = Object.entries(members).map(([key, one]) => `${JSON.stringify(key)}: ${JSON.stringify(one)}`)
        const [key] = Object.keys(members)
        expect(find(`[7, {${[...texts, `${JSON.stringify(key)}:${JSON.stringify(value)}`].join(',')}}]`)).toEqual([1, key!])
      }),
    )
  })

  test('a body with a repeated key is answered with 400 and its place, and has no effect', async () => {
    const { post, store } = client()
    for (const [body, pointer] of [
      ['{"cents":5,"cents":500}', '#/cents'],
      ['{"cents":5,"note":{"of":1,"of":1}}', '#/note/of'],
      ['{"cents":5,"unknown":[{"a":1,"a":9007199254740993}]}', '#/unknown/0/a'],
    ])
      expectProblem(await post('/account/a1/deposit', body), 'validation-failed', {
        errors: [{ pointer, detail: expect.any(String) }],
      })
    expect(await store.head()).toBe(0)
  })
})
