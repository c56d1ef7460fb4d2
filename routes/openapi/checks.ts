// What readiness depends on.
import { z } from 'zod'

/** The store, and each projection. */
export function checks(): z.ZodType {
  const store = z.object({
    componentType: z.literal('datastore'),
    status: z.literal('pass'),
    system: z.enum(['memory', 'sqlite', 'postgresql']),
  })
  const projection = z.object({
    componentType: z.literal('component'),
    status: z.enum(['pass', 'fail']).describe('`fail`: there are no rows yet that may be served.'),
    name: z.string(),
    position: z.int().nonnegative(),
    lagEvents: z.int().nonnegative(),
    lagSeconds: z.number().nonnegative(),
  })
  return z.object({ store: z.array(store), projections: z.array(projection).optional() })
}
