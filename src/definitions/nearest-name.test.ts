import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { describeNames, nearestName } from './nearest-name.ts'

test.each([
  ['catgory', 'category'],
  ['categroy', 'category'],
  ['Category', 'category'],
  ['categories', 'category'],
  ['tpye', 'type'],
  ['stream', 'streams'],
  ['zzz', null],
  ['', null],
  ['x', null],
  ['x'.repeat(65), null],
] as const)('the name that is nearest to %p is %p', (name, nearest) => {
  expect(nearestName(name, ['after', 'category', 'type', 'streams'])).toBe(nearest)
})

test('the nearest name is the one with the fewest edits, and the first of several', () => {
  expect(nearestName('indexs', ['index', 'indexes', 'indices'])).toBe('index')
  expect(nearestName('key', ['keys', 'key'])).toBe('key')
})

test('a name with one letter more, less or changed is found among names that differ much', () => {
  const names = ['parallelism', 'evolve', 'indexes', 'authorize']
  const edit = fc.record({ name: fc.constantFrom(...names), at: fc.nat(4), put: fc.constantFrom('', 'q', 'qq') })
  fc.assert(
    fc.property(edit, ({ name, at, put }) => {
      expect(nearestName(`${name.slice(0, at)}${put}${name.slice(at + 1)}`, names)).toBe(name)
    }),
  )
})

test('the sentence about a name that there is not has the nearest one and all others', () => {
  expect(describeNames('tpye', ['after', 'type'])).toBe('did you mean type? there are after, type')
  expect(describeNames('zzz', ['after', 'type'])).toBe('there are after, type')
  expect(describeNames('zzz', [])).toBe('there are none')
})
