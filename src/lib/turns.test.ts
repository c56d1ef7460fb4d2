import { expect, test } from 'bun:test'
import { measureStretches } from '../test-support/stretches.ts'
import { sortInTurns } from './sort-in-turns.ts'
import { background, nextTurn, SharedTurns, Turn, TURN_MS } from './turns.ts'

/** More characters than the clock is looked at after. */
const LARGE = 65_536

test('many loops in the background hold the event loop no longer than one, and each goes on in its turn', async () => {
  using stretches = measureStretches()
  const order: number[] = []
  const work = async (name: number) => {
    for (let step = 0; step < 100; step++) {
      if (background.isOver(LARGE)) await background.next()
      stretches.work()
      order.push(name)
    }
  }
  await Promise.all(Array.from({ length: 20 }, (_, i) => work(i)))
  expect(order).toHaveLength(2_000)
  expect(stretches.longest).toBe(TURN_MS)
  expect(new Set(order.slice(0, 21 * TURN_MS)).size).toBe(20)
})

test('work in the background looks at the clock after so many characters, or when the event loop has turned', async () => {
  using stretches = measureStretches()
  const turns = new SharedTurns()
  expect(turns.isOver(1)).toBeFalse()
  stretches.work(TURN_MS)
  expect([turns.isOver(8_000), turns.isOver(8_000), turns.isOver(8_000)]).toEqual([false, false, true])
  await nextTurn()
  expect(turns.isOver(LARGE)).toBeFalse()
})

test('work that somebody waits for has a turn of its own, whatever the background does', async () => {
  using stretches = measureStretches()
  background.isOver(LARGE)
  stretches.work(TURN_MS)
  const turn = new Turn()
  expect([background.isOver(LARGE), turn.isOver]).toEqual([true, false])
  stretches.work(TURN_MS)
  expect(turn.isOver).toBeTrue()
  const before = stretches.turns
  await turn.next()
  expect([turn.isOver, stretches.turns > before]).toEqual([false, true])
})

test('a sort in turns gives the same as a sort at once, also of equal items, and holds the event loop for a turn only', async () => {
  for (const length of [0, 1, 2, 1_024, 1_025, 5_000]) {
    const items = Array.from({ length }, (_, i) => ({ key: (i * 7_919) % 1_000, i }))
    const compare = (one: { key: number }, other: { key: number }) => one.key - other.key
    expect(await sortInTurns(items, compare)).toEqual(items.toSorted(compare))
  }
  using stretches = measureStretches()
  const compare = (one: number, other: number) => {
    stretches.work(1 / 1_024)
    return one - other
  }
  await sortInTurns(
    Array.from({ length: 20_000 }, (_, i) => (i * 7_919) % 20_011),
    compare,
  )
  // A run of 1 024 items takes 10 000 to 20 000 comparisons.
  expect(stretches.longest).toBeLessThan(TURN_MS + 20)
})
