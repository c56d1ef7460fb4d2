import { describe, expect } from 'bun:test'
import { form, race } from '../../adapters/postgres/races/form.ts'
import { faults, runFault } from './faults.ts'

/** How many more of each the long form makes. */
const LONGER = 40

for (const [name, fault] of Object.entries(faults))
  describe(name, () => {
    race(
      `each command of a process has one effect, in order, and no timer is early, lost or twice, under ${name}`,
      async random => {
        const { wrong } = await runFault(fault, random, form(fault.times, LONGER * fault.times))
        expect(wrong).toEqual([])
      },
    )
  })
