import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { NAME_LENGTH_MAX, nameProblem } from './names.ts'
import { categoryOf, instanceOf, isCategory, isOf, streamName, streamProblem } from './stream-name.ts'
import { anyUnit } from '../../test-support/any-text.ts'

const category = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_]{0,62}$/)
const id = fc.string({ minLength: 1, maxLength: NAME_LENGTH_MAX, unit: anyUnit })

describe('the name of a stream', () => {
  test('the name of a stream splits into what it was composed of, whatever the instance is', () => {
    fc.assert(
      fc.property(category, id, (category, id) => {
        const stream = streamName(category, id)
        expect([categoryOf(stream), instanceOf(stream), isOf(category, stream)]).toEqual([category, id, true])
      }),
    )
  })

  test('the name of a stream splits at its first -, and has no category where there is none', () => {
    expect([categoryOf('order-2-b'), instanceOf('order-2-b')]).toEqual(['order', '2-b'])
    expect([categoryOf('order'), instanceOf('order')]).toEqual(['', ''])
    expect([categoryOf('-a'), instanceOf('-a')]).toEqual(['', 'a'])
    expect(['order-1', 'orders-1', 'order', 'ord-1'].map(stream => isOf('order', stream))).toEqual([true, false, false, false])
  })

  test('the name of a stream is right exactly where its category and its id are', () => {
    const part = fc.oneof(
      category,
      id,
      fc.string({ maxLength: NAME_LENGTH_MAX + 10, unit: fc.constantFrom('a', '-', '\0', '\ud800', 'é', ' ') }),
    )
    fc.assert(
      fc.property(part, part, (category, id) => {
        const isRight = isCategory(category) && nameProblem('an id', id) === null
        if (!category.includes('-')) expect(streamProblem(streamName(category, id)) === null).toBe(isRight)
      }),
    )
  })

  test('the name of a stream that is wrong says what is wrong with it', () => {
    for (const wrong of [undefined, 1, '', 'order', '-1', '1-a', 'or der-1', `${'a'.repeat(64)}-1`])
      expect(streamProblem(wrong)).toBe('expected category-instance')
    expect(streamProblem('order-')).toBe('expected category-instance: an id is a text of 1 to 400 characters')
    expect(streamProblem('order-a\0')).toBe('expected category-instance: an id holds no NUL and no lone surrogate')
    expect(streamProblem('order-\ud800')).toBe('expected category-instance: an id holds no NUL and no lone surrogate')
    const long = `order-${'a'.repeat(NAME_LENGTH_MAX + 1)}`
    expect(streamProblem(long)).toBe('expected category-instance: an id has at most 400 characters, and this has 401')
    expect(streamProblem('order-..')).toBe('expected category-instance: an id is neither . nor .., because no URL can hold these')
    expect(streamProblem('Order_1-a\nb')).toBeNull()
  })
})
