// What does not see a planted bug would not see a real one: the same faults on nodes that have one.
import { describe, expect } from 'bun:test'
import { race } from '../../postgres/races/form.ts'
import type { Random } from '../../postgres/races/random.ts'
import type { SourcePlantName } from '../../subscription/races/sources.ts'
import type { LeasePlant } from '../../subscription/races/watched.ts'
import { type ArenaOptions, COURIER, type Verdict } from './arena.ts'
import { killing, shifting, stopping } from './faults.ts'

/** So often at most until a planted bug has shown. */
const ROUNDS_MAX = 8
/** Faults of one round. */
const TIMES = 4

type Planted = readonly [
  plant: SourcePlantName | LeasePlant,
  run: (random: Random, times: number, options: ArenaOptions) => Promise<Verdict>,
  shown: RegExp,
]

/** Stopped with a page in its hands, which it writes when another has taken over. */
const overtaken: Planted[1] = (random, _, options) => stopping(random, 1, options, [{ at: 'before the commit', name: COURIER }])

const planted: readonly Planted[] = [
  ['commands without a key of their own', killing, / had .* twice/],
  ['an agenda beside the page', killing, / lost /],
  ['a relay that forgets first', killing, / lost /],
  ['timers by the clock of the app', shifting, / ms early/],
  ['no fence', overtaken, /was written though/],
]

for (const [plant, run, shown] of planted)
  describe(plant, () => {
    race('is seen by the checker', async random => {
      const wrong: string[] = []
      for (let i = 0; i < ROUNDS_MAX && !wrong.some(sentence => shown.test(sentence)); i++) {
        const found = await run(random, TIMES, { plant })
        wrong.push(...found.wrong)
      }
      expect(wrong.filter(sentence => shown.test(sentence))).not.toEqual([])
    })
  })
