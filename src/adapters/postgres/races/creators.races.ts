import { describe, expect } from 'bun:test'
import { form, race } from './form.ts'
import { raceLog } from './race-log.ts'
import { storm } from './storm.ts'

const PROCESSES = 4
const CALLERS = 16

describe('sixty-four creators of one stream, in four processes', () => {
  race('sixty-four creators of one stream, in four processes, have one winner, and the others learn who won', async () => {
    await using log = await raceLog()
    const { url, schema } = log
    const streams = Array.from({ length: form(20, 500) }, (_, i) => `new-${i}`)
    const { wrong, tally, history } = await storm(
      log,
      Array.from({ length: PROCESSES }, (_, i) => ({
        kind: 'create',
        who: `p${i}`,
        url,
        schema,
        streams,
        callers: CALLERS,
        stores: 4,
      })),
    )
    expect(wrong).toEqual([])
    expect(tally).toEqual({ appended: streams.length, conflict: streams.length * (PROCESSES * CALLERS - 1) })
    expect(history.log.map(({ stream }) => stream).sort()).toEqual(streams.toSorted())
    const lost = history.attempts.flatMap(({ conflicts }) => conflicts)
    expect(lost.every(({ actual, missed }) => actual === 1 && missed?.length === 1)).toBeTrue()
  })
})
