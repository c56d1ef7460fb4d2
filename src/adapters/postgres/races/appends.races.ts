import { describe, expect } from 'bun:test'
import { form, race } from './form.ts'
import { raceLog } from './race-log.ts'
import { storm } from './storm.ts'

const PROCESSES = 4
const UNITS = 20_000

describe('racing appends of four processes', () => {
  for (let round = 1; round <= form(1, 50); round++) {
    race(
      `racing appends of four processes are seen once, in order, by readers at the head (${round} of ${form(1, 50)})`,
      async random => {
        await using log = await raceLog()
        const { url, schema } = log
        const { wrong, tally, history } = await storm(
          log,
          Array.from({ length: PROCESSES }, (_, i) => ({
            kind: 'append',
            who: `p${i}`,
            url,
            schema,
            seed: `${random.below(1_000_000)}`,
            units: UNITS / PROCESSES,
            callers: 8,
            stores: 2,
          })),
        )
        expect(wrong).toEqual([])
        // That it was a race: all that can become of an append did, and nothing else.
        expect(Object.keys(tally).sort()).toEqual(['appended', 'conflict', 'duplicate', 'refused'])
        expect(history.attempts.length).toBeGreaterThanOrEqual(UNITS * 0.99)
        expect(history.log.length).toBeGreaterThan(UNITS / 2)
      },
    )
  }
})
