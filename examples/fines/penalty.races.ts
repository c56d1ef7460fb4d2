// The penalty on virtual time, for the real log: each of its days happens again, and the process has to add the very penalties that it has.
import { existsSync } from 'node:fs'
import { expect, test } from 'bun:test'
import { logOf, penaltiesOf, places, REAL, replayed, SAMPLE } from './testing/happening.ts'

for (const name of ['SQLite', 'PostgreSQL'])
  test(`the penalty on ${name} is added to the fines of the log that have it, on its day, in its amount`, async () => {
    const isReal = existsSync(REAL)
    if (!isReal)
      console.warn(`penalty: ONLY THE HAND-MADE SAMPLE is checked on ${name}: there is no ${REAL}; set FINES_CSV to the real log`)
    const log = await logOf(isReal ? REAL : SAMPLE)
    const expected = penaltiesOf(log)
    const started = performance.now()
    const found = await replayed(await places[name]!(), log)
    const took = ((performance.now() - started) / 1_000).toFixed(1)
    const onTheDay = [...found].filter(([stream, { day }]) => expected.get(stream)?.day === day)
    // The sample has one amount that no article has.
    const asMuch = onTheDay.filter(([stream, { cents }]) => !isReal || expected.get(stream)?.cents === cents)
    console.log(
      `penalty: ${found.size} found of ${expected.size} expected, ${onTheDay.length} on the day of the log, ${asMuch.length} of its amount, on ${name} in ${took} s`,
    )
    expect([found.size, onTheDay.length, asMuch.length]).toEqual([expected.size, expected.size, expected.size])
    if (isReal) expect(expected.size).toBe(4_635)
  })
