import { describe, expect } from 'bun:test'
import { form, race } from '../../adapters/postgres/races/form.ts'
import { faults, judgeFault } from './faults.ts'

/** How many more of each the long form makes. */
const LONGER = 40

for (const [name, fault] of Object.entries(faults))
  describe(name, () => {
    race(`${name}: each command of a process has one effect, in order, and no timer is early, lost or twice`, async random => {
      const { wrong } = await judgeFault(fault, random, form(fault.times, LONGER * fault.times))
      expect(wrong).toEqual([])
    })
  })
