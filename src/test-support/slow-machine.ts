// Loaded before each file of tests: no verdict depends on how fast the machine is. Turns of the event loop end when a test
// says so (`measureStretches`), and others are waited for as long as the slowest machine needs. The races go by the real
// clock, and set their own deadlines.
import { patience } from '../lib/patience.ts'
import { turnClock } from '../lib/turns.ts'

const PATIENCE_FACTOR = 20

if (!process.argv.some(arg => arg.includes('.races'))) {
  turnClock.now = () => 0
  for (const name of Object.keys(patience) as (keyof typeof patience)[]) patience[name] *= PATIENCE_FACTOR
}
