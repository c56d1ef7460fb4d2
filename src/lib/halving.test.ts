import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { findRefused, halve } from './halving.ts'

test('halving finds exactly the items that are refused, wherever they are', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 40 }), async refused => {
      const items = refused.map((isRefused, i) => ({ i, isRefused }))
      const found = await findRefused(items, async group => group.some(({ isRefused }) => isRefused))
      expect(found).toEqual(items.filter(({ isRefused }) => isRefused))
    }),
  )
})

test('halving asks about few groups where one of many items is refused', async () => {
  let asked = 0
  const found = await findRefused(
    Array.from({ length: 1_024 }, (_, i) => i),
    async group => {
      asked++
      return group.includes(700)
    },
  )
  expect([found, asked]).toEqual([[700], 21])
})

test('halving divides items in two, and gives the first part the odd one', () => {
  expect([halve([1, 2, 3]), halve([1]), halve([])]).toEqual([
    [[1, 2], [3]],
    [[1], []],
    [[], []],
  ])
})
