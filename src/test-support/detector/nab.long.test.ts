import { expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { NAB, scoreNab, sumScores } from './nab.ts'

test('the rate detector finds 28 of 32 windows of public count series, with at most 1.74 false calls a week', async () => {
  if (!existsSync(NAB)) {
    console.warn(`detector: NOT CHECKED against public count series: there is no ${NAB}; set NAB`)
    return
  }
  const { windows, found, falseEpisodes, weeks } = sumScores((await scoreNab()).values())
  expect(windows).toBe(32)
  expect(found).toBeGreaterThanOrEqual(28)
  expect(falseEpisodes / weeks).toBeLessThanOrEqual(1.74)
})
