import { describe, expect, test } from 'bun:test'
import { daysOf, logOf, penaltiesOf, places, replayed, SAMPLE } from './testing/happening.ts'

export function testPenalty(name: string): void {
  describe(`the penalty on ${name}`, () => {
    test(`the penalty on ${name} is added on the 60th day to each notified fine of the sample, and to no other`, async () => {
      const log = await logOf(SAMPLE)
      expect(daysOf(await replayed(await places[name]!(), log))).toEqual(daysOf(penaltiesOf(log)))
    })
  })
}
