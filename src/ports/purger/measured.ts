// Measures a purger, whichever it is.
import type { Meter } from '../metrics/meter.ts'
import type { Purger } from './purger.ts'

/** The purger, with its tags counted. To purge all answers counts as one tag. */
export function measurePurger(purger: Purger, meter: Meter): Purger {
  const [done, failed] = [meter.counter('emaki.purges', 'done'), meter.counter('emaki.purges', 'failed')]
  const count = async (tags: number, purging: Promise<void>) => {
    try {
      await purging
      done.add(tags)
    } catch (error) {
      failed.add(tags)
      throw error
    }
  }
  return {
    purge: tags => count(tags.length, purger.purge(tags)),
    purgeAll: () => count(1, purger.purgeAll()),
  }
}
