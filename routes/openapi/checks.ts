// The checks that readiness depends on.
import { z } from 'zod'

/** The schema of the checks: the store, and all subscriptions. */
export function checks(): z.ZodType {
  const store = z.object({
    componentType: z.literal('datastore'),
    status: z.literal('pass'),
    system: z.enum(['memory', 'sqlite', 'postgresql']),
  })
  const reader = z.object({
    componentType: z.literal('component'),
    status: z.enum(['pass', 'fail']).describe('`fail`: it has no rows yet that it may serve.'),
    name: z.string(),
    position: z.int().nonnegative(),
    lagEvents: z.int().nonnegative().describe('The most events of the log that it has not read yet.'),
    lagSeconds: z.number().nonnegative().describe('The age of the first of these events, in seconds.'),
    parkedKeys: z.int().nonnegative().describe('How many keys have stopped at an event that could not be handled.'),
    parkedStreams: z
      .int()
      .nonnegative()
      .describe('How many streams have stopped, because the keys of their events are not known.'),
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
