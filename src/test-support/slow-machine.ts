// Loaded before the tests of a process. What a file has left open is closed after it. No verdict depends on how fast the
// machine is: turns of the event loop end when a test says so (`measureStretches`), and others are waited for as long as
// the slowest machine needs. The races go by the real clock, and set their own deadlines.
import { afterAll } from 'bun:test'
import { patience } from '../lib/patience.ts'
import { turnClock } from '../lib/turns.ts'
import { cleanUp } from './cleanup.ts'

const PATIENCE_FACTOR = 20

if (!process.argv.some(arg => arg.includes('.races'))) {
  turnClock.now = () => 0
  for (const name of Object.keys(patience) as (keyof typeof patience)[]) patience[name] *= PATIENCE_FACTOR
}

afterAll(cleanUp)
