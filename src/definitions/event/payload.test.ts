import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import fc from 'fast-check'
import {
  canonicalText,
  encode,
  freeze,
  freezeAll,
  PAYLOAD_DEPTH_MAX,
  PAYLOAD_LENGTH_MAX,
  PayloadError,
  stripUndefined,
} from './payload.ts'
import { anyUnit } from '../../test-support/any-text.ts'

describe('encode', () => {
  test('encode gives the JSON text of a payload, keys in the order they have', () => {
    const value = { b: 1, a: [true, null, 'x'], '10': 1.5, 絵: '😀\u0000"\\/' }
    expect(encode(value)).toBe('{"10":1.5,"b":1,"a":[true,null,"x"],"絵":"😀\\u0000\\"\\\\/"}')
    expect(encode('text')).toBe('"text"')
    expect(encode(null)).toBe('null')
  })

  test('encode gives back on parsing what it was given, whatever JSON can hold but -0 and __proto__', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: anyUnit, maxDepth: 6 }), value => {
        if (hasValue(value, isRefused)) expect(() => encode(value)).toThrow(PayloadError)
        else expect(JSON.parse(encode(value))).toStrictEqual(value)
      }),
    )
  })

  test('encode either refuses a value or gives it back as it was', () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withSparseArray: true,
      withTypedArray: true,
      stringUnit: anyUnit,
      withNullPrototype: false,
      withBoxedValues: true,
    })
    fc.assert(
      fc.property(anything, value => {
        const text = attempt(() => encode(value))
        if (text instanceof PayloadError) return
        expect(stripUndefined(value)).toStrictEqual(JSON.parse(text as string))
      }),
      { numRuns: 500 },
    )
  })

  const refused: readonly [string, unknown, string, string][] = [
    ['NaN', { a: [1, Number.NaN] }, '/a/1', 'NaN is no JSON'],
    ['an infinity', { a: Number.NEGATIVE_INFINITY }, '/a', '-Infinity is no JSON'],
    ['-0', [-0], '/0', '-0 is no JSON'],
    ['undefined', undefined, '', 'undefined is no JSON'],
    ['undefined in an array', { list: [1, undefined] }, '/list/1', 'undefined is no JSON'],
    ['a hole in an array', Object.assign([1], { length: 2 }), '/1', 'undefined is no JSON'],
    ['a bigint', { n: 1n }, '/n', 'bigint is no JSON'],
    ['a symbol', { s: Symbol('x') }, '/s', 'symbol is no JSON'],
    ['a function', { f: () => 1 }, '/f', 'function is no JSON'],
    ['toJSON', { toJSON: () => 1 }, '/toJSON', 'function is no JSON'],
    ['a Date', { at: new Date(0) }, '/at', 'Date is no JSON'],
    ['a Map', new Map(), '', 'Map is no JSON'],
    ['bytes', { b: new Uint8Array(1) }, '/b', 'Uint8Array is no JSON'],
    ['a boxed number', { n: Object(1) }, '/n', 'Number is no JSON'],
    ['an instance of a class', { money: new (class Money {})() }, '/money', 'Money is no JSON'],
    ['an instance of a class without a name', [new (class {})()], '/0', 'a class is no JSON'],
    ['an array of a class', { l: new (class List extends Array {})() }, '/l', 'List is no JSON'],
    ['an object of an object', Object.create({ a: 1 }), '', 'Object is no JSON'],
    ['a lone high surrogate', { text: 'x\ud800' }, '/text', 'a lone surrogate is no text'],
    ['a lone low surrogate', ['\udc00x'], '/0', 'a lone surrogate is no text'],
    ['a lone surrogate in a key', { a: { ['\ud800']: 1 } }, '/a', 'the key "\\ud800" is refused'],
    ['a __proto__ key', JSON.parse('{"a":{"__proto__":{"admin":true}}}'), '/a', 'the key "__proto__" is refused'],
  ]
  test.each(refused)('encode refuses %s, and says where it is', (_, value, path, reason) => {
    const error = attempt(() => encode(value))
    expect(error).toBeInstanceOf(PayloadError)
    expect(error).toMatchObject({ path, message: `${path || '/'}: ${reason}` })
  })

  test('encode names the place by a JSON pointer, in which ~ and / of a key are escaped', () => {
    expect(attempt(() => encode({ 'a/b': [{ 'c~d': Number.NaN }] }))).toMatchObject({ path: '/a~1b/0/c~0d' })
  })

  test('encode takes own properties that are named like inherited ones', () => {
    const value = JSON.parse('{"constructor":1,"toString":2,"hasOwnProperty":3,"prototype":4,"":5}')
    expect(encode(value)).toBe('{"constructor":1,"toString":2,"hasOwnProperty":3,"prototype":4,"":5}')
  })

  test('encode takes an object without a prototype', () => {
    expect(encode(Object.assign(Object.create(null), { a: 1 }))).toBe('{"a":1}')
  })

  test('encode leaves out a property that is undefined, as JSON does', () => {
    expect(encode({ a: undefined, b: { c: undefined }, d: 1 })).toBe('{"b":{},"d":1}')
  })

  test(`encode takes nesting of ${PAYLOAD_DEPTH_MAX}, and refuses one more, however it is mixed`, () => {
    const buildNested = (depth: number): unknown =>
      depth === 0 ? 1 : depth % 2 ? [buildNested(depth - 1)] : { a: buildNested(depth - 1) }
    expect(JSON.parse(encode(buildNested(PAYLOAD_DEPTH_MAX)))).toEqual(buildNested(PAYLOAD_DEPTH_MAX))
    expect(() => encode(buildNested(PAYLOAD_DEPTH_MAX + 1))).toThrow('nested deeper than 64')
    expect(() => encode(buildNested(5_000))).toThrow(PayloadError)
  })

  test('encode refuses a cycle', () => {
    const cycle: { self?: unknown; list: unknown[] } = { list: [] }
    cycle.list.push(cycle)
    cycle.self = cycle
    expect(() => encode(cycle)).toThrow(PayloadError)
  })

  test('encode takes a text of a MiB with its quotes, and refuses one more character', () => {
    expect(encode('x'.repeat(PAYLOAD_LENGTH_MAX - 2))).toHaveLength(PAYLOAD_LENGTH_MAX)
    expect(() => encode('x'.repeat(PAYLOAD_LENGTH_MAX - 1))).toThrow('longer than 1048576 characters')
  })
})

describe('present', () => {
  test('present gives a payload as it will be read: without the properties that are undefined', () => {
    expect(Object.keys(stripUndefined({ a: undefined, b: 1 }))).toEqual(['b'])
    const deep = stripUndefined({ list: [{ a: 1, b: undefined }, 2], c: { d: undefined } })
    expect(deep).toStrictEqual({ list: [{ a: 1 }, 2], c: {} } as never)
  })

  test('present does not touch what it is given, and copies only what changes', () => {
    const kept = { x: [1] }
    const value = { kept, gone: undefined }
    expect(stripUndefined(value).kept).toBe(kept)
    expect('gone' in value).toBeTrue()
    expect(stripUndefined(kept)).toBe(kept)
  })

  test('present equals what is read back, for whatever can be stored', () => {
    const property = fc.option(fc.jsonValue(), { nil: undefined })
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.oneof(property, fc.dictionary(fc.string(), property))), value => {
        const text = attempt(() => encode(value))
        fc.pre(typeof text === 'string')
        expect(stripUndefined(value)).toStrictEqual(JSON.parse(text as string))
      }),
    )
  })

  test('present leaves it to encode to refuse what is no JSON', () => {
    const date = new Date(0)
    const instance = Object.assign(new (class Money {})(), { cents: undefined })
    const cycle: Record<string, unknown> = {}
    cycle['self'] = cycle
    expect(stripUndefined({ date }).date).toBe(date)
    expect(stripUndefined({ instance }).instance).toBe(instance)
    expect(() => encode(stripUndefined(cycle))).toThrow(PayloadError)
    expect(() => encode(stripUndefined([undefined]))).toThrow(PayloadError)
  })
})

describe('freeze', () => {
  test('freezes a value and all it holds', () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        expect(frozenThrough(freeze(value))).toBeTrue()
      }),
    )
  })

  test('freeze stops at what is frozen, so that parts of an earlier state are not visited again', () => {
    let looked = 0
    const shared = freeze(Object.defineProperty({}, 'part', { enumerable: true, get: () => looked++ }))
    looked = 0
    freeze({ shared, other: 1 })
    expect(looked).toBe(0)
  })

  test('freezeAll goes all the way down, also below a frozen surface', () => {
    const value = Object.freeze({ items: [{ n: 1 }] })
    expect(frozenThrough(freezeAll(value))).toBeTrue()
    const cycle: Record<string, unknown> = {}
    cycle['self'] = cycle
    expect(Object.isFrozen(freezeAll(cycle))).toBeTrue()
  })
})

describe('canonical', () => {
  test('canonical gives equal texts for equal values, whatever the order of their keys', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.infiniteStream(fc.nat()), (value, random) => {
        expect(canonicalText(shuffleKeys(value, random))).toBe(canonicalText(value))
      }),
    )
  })

  test('canonical gives texts that parse to the value, so that values that differ have texts that differ', () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        fc.pre(!hasValue(value, part => Object.is(part, -0)))
        expect(JSON.parse(canonicalText(value))).toEqual(value)
      }),
    )
  })

  test('canonical keeps the order of arrays', () => {
    expect(canonicalText([{ b: 1, a: [2, 1] }])).toBe('[{"a":[2,1],"b":1}]')
  })
})

function attempt(run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    return error
  }
}

function hasValue(value: unknown, isWanted: (part: unknown) => boolean): boolean {
  return (
    isWanted(value) ||
    (typeof value === 'object' && value !== null && Object.values(value).some(part => hasValue(part, isWanted)))
  )
}

function isRefused(value: unknown): boolean {
  return Object.is(value, -0) || (typeof value === 'object' && value !== null && Object.hasOwn(value, '__proto__'))
}

function frozenThrough(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true
  return Object.isFrozen(value) && Object.values(value).every(frozenThrough)
}

function shuffleKeys(value: unknown, random: Iterator<number>): unknown {
  if (Array.isArray(value)) return value.map(part => shuffleKeys(part, random))
  if (typeof value !== 'object' || value === null) return value
  const keyed = Object.entries(value).map(
    ([key, part]) => [random.next().value as number, key, shuffleKeys(part, random)] as const,
  )
  return Object.fromEntries(keyed.toSorted(([a], [b]) => a - b).map(([, key, part]) => [key, part]))
}

test('a state is frozen, except in production, where it costs a tenth of a command', async () => {
  const code = `const { freeze } = await import(${JSON.stringify(join(import.meta.dir, 'payload.ts'))}); process.stdout.write(String(Object.isFrozen(freeze({ a: 1 }))))`
  const runWith = async (environment: string) => {
    const child = Bun.spawn(['bun', '-e', code], {
      env: { PATH: process.env['PATH'] ?? '', NODE_ENV: environment },
      stdout: 'pipe',
    })
    return new Response(child.stdout).text()
  }
  expect(await Promise.all([runWith('production'), runWith('development'), runWith('')])).toEqual(['false', 'true', 'true'])
})
