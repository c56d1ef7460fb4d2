import { describe, expect } from 'bun:test'
import type { Commanding } from './commanding.ts'
import { form, race } from './form.ts'
import { lostUpdates } from './lost-updates.ts'
import { type RaceLog, raceLog } from './race-log.ts'
import type { Random } from './random.ts'
import { storm } from './storm.ts'

const PROCESSES = 4
const CALLERS = 16
/** How often a command is decided at most before it wins: the bound is 200, and far from it is where it has to stay. */
const DECIDED_MAX = 100

describe('four processes with sixteen callers each', () => {
  race('four processes with sixteen callers each lose no increment of one counter, and nobody gets a conflict', async random => {
    await using log = await raceLog()
    const { wrong, tally, history } = await storm(log, jobs(log, 'one counter', form(20, 1_000), random))
    expect(wrong).toEqual([])
    expect(tally).toEqual({ appended: PROCESSES * CALLERS * form(20, 1_000) })
    expect(lostUpdates(history.log)).toEqual([])
    expect(Math.max(...history.attempts.map(({ decided }) => decided ?? 0))).toBeLessThan(DECIDED_MAX)
  })

  race('four processes with sixteen callers each lose no increment of counters hot and cold', async random => {
    await using log = await raceLog()
    const { wrong, tally, history } = await storm(log, jobs(log, 'counters', form(20, 1_000), random))
    expect(wrong).toEqual([])
    expect(tally).toEqual({ appended: PROCESSES * CALLERS * form(20, 1_000) })
    expect(lostUpdates(history.log)).toEqual([])
  })

  race('four processes with sixteen callers each are rejected only for what is in the log', async random => {
    await using log = await raceLog()
    const { wrong, tally } = await storm(log, jobs(log, 'one seat', form(20, 1_000), random))
    expect(wrong).toEqual([])
    expect(Object.keys(tally).sort()).toEqual(['appended', 'rejected'])
  })
})

function jobs({ url, schema }: RaceLog, on: Commanding['on'], commands: number, random: Random): readonly Commanding[] {
  return Array.from({ length: PROCESSES }, (_, i) => ({
    kind: 'command',
    who: `p${i}`,
    url,
    schema,
    seed: `${random.below(1_000_000)}`,
    callers: CALLERS,
    commands,
    on,
  }))
}
