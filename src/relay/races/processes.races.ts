import { describe, expect } from 'bun:test'
import { form, race } from '../../postgres/races/form.ts'
import { faults } from './faults.ts'

/** How many more of each the long form makes. */
const LONGER = 40

for (const [name, { times, run }] of Object.entries(faults))
  describe(name, () => {
    race('gives each command of a process one effect, in order, and has no timer early, lost or twice', async random => {
      const { wrong, checks } = await run(random, form(times, LONGER * times))
      expect(wrong).toEqual([])
      expect(checks).toBeGreaterThan(100)
    })
  })
