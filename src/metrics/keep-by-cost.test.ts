import { describe, expect, test } from 'bun:test'
import { keepByCost } from './keep-by-cost.ts'

/** A clock, and an answer that takes as long as it is told. */
function askSlowly(ms: number) {
  let now = 0
  let asked = 0
  const ask = keepByCost(
    async () => {
      now += ms
      return ++asked
    },
    { now: () => now },
  )
  const advance = (by: number) => {
    now += by
  }
  return { ask, advance }
}

describe('an answer that is kept by its cost', () => {
  test('an answer that costs nothing is kept for a second', async () => {
    const { ask, advance } = askSlowly(0)
    const found = [await ask(), await ask()]
    advance(1_000)
    found.push((await ask())!)
    advance(1)
    found.push((await ask())!)
    expect(found).toEqual([1, 1, 1, 2])
  })

  test('an answer that takes a second is kept for a hundred', async () => {
    const { ask, advance } = askSlowly(1_000)
    const found = [await ask()]
    advance(100_000)
    found.push((await ask())!)
    advance(1)
    found.push((await ask())!)
    expect(found).toEqual([1, 1, 2])
  })

  test('an answer that is not there in time is the last one, or null, and the next is asked for once', async () => {
    let now = 0
    const answers: ((answer: number) => void)[] = []
    const ask = keepByCost(() => new Promise<number>(resolve => void answers.push(resolve)), { now: () => now, waitMs: 0 })
    expect([await ask(), await ask(), answers.length]).toEqual([null, null, 1])
    answers[0]!(7)
    await Bun.sleep(0)
    expect(await ask()).toBe(7)
    now += 1_001
    expect([await ask(), await ask(), answers.length]).toEqual([7, 7, 2])
  })

  test('an answer that fails is asked for again, and the caller gets the failure, also when it came late', async () => {
    const fails: ((error: Error) => void)[] = []
    const ask = keepByCost(() => new Promise<number>((_, reject) => void fails.push(reject)), { waitMs: 0 })
    expect(await ask()).toBeNull()
    fails[0]!(new Error('away'))
    await Bun.sleep(0)
    await expect(ask()).rejects.toThrow('away')
    expect(fails).toHaveLength(2)
  })
})
