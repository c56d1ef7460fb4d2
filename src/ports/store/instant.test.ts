import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { instant } from './instant.ts'

test('an instant is what toISOString makes of it, in whatever order instants are asked for', () => {
  const times = fc.oneof(fc.integer({ min: -2_000, max: 2_000 }), fc.integer({ min: -8.64e15, max: 8.64e15 }))
  fc.assert(
    fc.property(times, ms => instant(ms) === new Date(ms).toISOString()),
    { numRuns: 2_000 },
  )
  expect(instant(1_700_000_000_007)).toBe('2023-11-14T22:13:20.007Z')
})
