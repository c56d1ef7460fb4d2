// The checks that readiness depends on.
import { z } from 'zod'

const PASSED_OVER = 'How many facts found no instance of the process and began none, since this process runs it.'

/** The schema of the checks: the store, and all subscriptions. */
export function checks(): z.ZodType {
  const store = z.object({
    componentType: z.literal('datastore'),
    status: z.literal('pass'),
    system: z.enum(['memory', 'sqlite', 'postgresql']),
  })
  const reader = z.object({
    componentType: z.literal('component'),
    status: z
      .enum(['pass', 'warn', 'fail'])
      .describe('`warn`: something of it is parked, tried again or paused. `fail`: it has no rows yet that it may serve.'),
    name: z.string(),
    position: z.int().nonnegative(),
    lagEvents: z.int().nonnegative().describe('The most events of the log that it has not read yet.'),
    lagSeconds: z.number().nonnegative().describe('The age of the first of these events, in seconds.'),
    parkedKeys: z.int().nonnegative().describe('How many keys have stopped at an event that could not be handled.'),
    parkedStreams: z
      .int()
      .nonnegative()
      .describe('How many streams have stopped, because the keys of their events are not known.'),
    retrying: z.int().nonnegative().describe('How many keys and streams are being tried again.'),
    isPaused: z.literal(true).optional().describe('Somebody has paused it, until it is resumed.'),
    failure: z.string().optional().describe('Why this process, which runs it, cannot go on for now.'),
  })
  const readers = z.array(reader).optional()
  return z.object({
    store: z.array(store),
    projections: readers,
    processors: readers,
    sqlProjections: readers,
    processes: z.array(reader.extend({ passedOver: z.int().nonnegative().describe(PASSED_OVER) })).optional(),
  })
}

/** The schema of the answer of a node that is ready. */
export function readyAnswer(): z.ZodType {
  return z.object({
    status: z.enum(['pass', 'warn']).describe('`warn`: see `parked`, and the checks.'),
    parked: z.array(z.string()).optional().describe('The subscriptions that have parked keys or streams.'),
    checks: checks(),
  })
}
