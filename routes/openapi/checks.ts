// What readiness depends on.
import { z } from 'zod'

/** The store, and all that reads the log. */
export function checks(): z.ZodType {
  const store = z.object({
    componentType: z.literal('datastore'),
    status: z.literal('pass'),
    system: z.enum(['memory', 'sqlite', 'postgresql']),
  })
  const reader = z.object({
    componentType: z.literal('component'),
    status: z.enum(['pass', 'fail']).describe('`fail`: there are no rows yet that may be served.'),
    name: z.string(),
    position: z.int().nonnegative(),
    lagEvents: z.int().nonnegative().describe('How many events of the log it has not looked at, at most.'),
    lagSeconds: z.number().nonnegative().describe('How long the first of these has been in the log.'),
    parkedKeys: z.int().nonnegative().describe('How many keys have stopped at an event that they cannot take.'),
    parkedStreams: z.int().nonnegative().describe('How many streams have, as it is not known whose events these are.'),
  })
  const readers = z.array(reader).optional()
  return z.object({
    store: z.array(store),
    projections: readers,
    processors: readers,
    sqlProjections: readers,
    processes: readers,
  })
}
