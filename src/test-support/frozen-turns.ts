// Loaded before each file of tests: turns of the event loop end when a test says so (`measureStretches`), and not when
// the machine is slow. The races go by the real clock.
import { turnClock } from '../lib/turns.ts'

if (!process.argv.some(arg => arg.includes('.races'))) turnClock.now = () => 0
