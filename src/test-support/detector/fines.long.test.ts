import { expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { FINES, type FaultScore, scoreFines, scoreSimulated, wilson } from './fines.ts'

const isStrong = ({ fault }: FaultScore) => fault === 'silence' || fault === 'four times'

test('the rate detector finds 95 % of silence and of four times as much, where 3 events or more come a day without batches', () => {
  const strong = scoreSimulated().filter(isStrong)
  expect(strong).toHaveLength(2)
  for (const { planted, found } of strong) expect(found / planted).toBeGreaterThanOrEqual(0.95)
})

test('the rate detector finds in the log of fines what it says that it can see there, and makes few false calls', async () => {
  if (!existsSync(FINES)) {
    console.warn(`detector: NOT CHECKED against the log of fines: there is no ${FINES}; set FINES_CSV`)
    return
  }
  const { faults, untouched } = await scoreFines()
  const silences = faults.filter(({ fault }) => fault === 'silence')
  const said = silences.reduce((sum, one) => sum + one.said, 0)
  expect(said).toBeGreaterThan(10)
  expect(silences.reduce((sum, one) => sum + one.saidAndFound, 0) / said).toBeGreaterThanOrEqual(0.9)
  const [frequent] = untouched
  expect(frequent!.calls / frequent!.years).toBeLessThan(1.5)
})

test('the interval of a share is that of Wilson', () => {
  expect(wilson(9, 10).map(one => Math.round(one * 1_000) / 1_000)).toEqual([0.9, 0.596, 0.982])
})
