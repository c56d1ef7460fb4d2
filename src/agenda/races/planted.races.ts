// What does not see a planted bug would not see a real one: the same faults on nodes that have one.
import { describe, expect } from 'bun:test'
import { race } from '../../adapters/postgres/races/form.ts'
import type { Random } from '../../adapters/postgres/races/random.ts'
import type { SourcePlantName } from '../../subscription/races/sources.ts'
import type { LeasePlant } from '../../subscription/races/watched.ts'
import { type ArenaOptions, COURIER, type Verdict } from './arena.ts'
import { killNodes, killingServer, repeatCommands, rollingBack, shiftClocks, stopNodes, terminateNodes } from './faults.ts'

/** So often at most until a planted bug has shown. */
const ROUNDS_MAX = 8
/** Faults of one round. */
const TIMES = 4

type Planted = readonly [bug: string, run: (random: Random) => Promise<Verdict>, shown: RegExp]

/** A bug that the nodes have, by the name of its plant. */
function node(
  plant: SourcePlantName | LeasePlant,
  run: (random: Random, times: number, options: ArenaOptions) => Promise<Verdict>,
  shown: RegExp,
): Planted {
  return [plant, random => run(random, TIMES, { plant }), shown]
}

const killBoth: typeof killNodes = (random, _, options) => killingServer(random, 1, true, options)
const terminateOne: typeof killNodes = (random, _, options) => terminateNodes(random, 1, options)
/** Stopped with a page in its hands, which it writes when another has taken over. */
const overtakeCourier: typeof killNodes = (random, _, options) =>
  stopNodes(random, 1, options, [{ at: 'before the commit', name: COURIER }])

const planted: readonly Planted[] = [
  node('commands without a key of their own', killNodes, / had .* twice/),
  node('an agenda beside the page', killNodes, / lost /),
  node('a sender that forgets first', killBoth, / lost /),
  node('timers by the clock of the app', shiftClocks, / ms early/),
  node('no fence', overtakeCourier, /was written though/),
  node('takes a gap for nothing', rollingBack, / lost /),
  node('an end that waits for nothing', terminateOne, / kept its lease/),
  ['commands that are sent again without their key', random => repeatCommands(random, 1, false), /^same \d+ is there \d+ times/],
]

for (const [bug, run, shown] of planted)
  describe(bug, () => {
    race(`${bug} is seen by the checker`, async random => {
      const wrong: string[] = []
      for (let i = 0; i < ROUNDS_MAX && !wrong.some(sentence => shown.test(sentence)); i++)
        wrong.push(...(await run(random)).wrong)
      expect(wrong.filter(sentence => shown.test(sentence))).not.toEqual([])
    })
  })
