import type { z } from 'zod'
import { fingerprint } from './schema.ts'

type UpcastStep = { readonly from: z.ZodType; readonly up: (old: unknown) => unknown }
const steps = new WeakMap<z.ZodType, UpcastStep>()

/**
 * Gives today's schema with the step from the schema before it. Nest calls for longer chains:
 * `upcast(V3, upcast(V2, V1, from1to2), from2to3)`. A stored payload that today's schema wrote is not touched.
 *
 * @example
 * Placed: upcast(Placed, PlacedV1, ({ customer, items }) => ({ customerId: customer, items }))
 */
export function upcast<Z extends z.ZodType, Old extends z.ZodType>(to: Z, from: Old, up: (old: z.output<Old>) => z.input<Z>): Z {
  // The clone carries the chain. Other uses of the same schema stay as they are.
  const schema = to.clone() as Z
  steps.set(schema, { from, up: up as UpcastStep['up'] })
  return schema
}

/** One event schema with its fingerprint and the chain of older ones, newest first. */
export type Chain = {
  readonly schema: z.ZodType
  readonly fingerprint: string
  readonly up: UpcastStep['up'] | null
  readonly older: Chain | null
}

/** The chain of a schema: itself, then each schema it upcasts from. */
export function chain(schema: z.ZodType): Chain {
  const step = steps.get(schema)
  return { schema, fingerprint: fingerprint(schema), up: step?.up ?? null, older: step ? chain(step.from) : null }
}

/** All schemas of a chain. */
export function schemasOf({ schema, older }: Chain): readonly z.ZodType[] {
  return older ? [schema, ...schemasOf(older)] : [schema]
}

/** The result of reading an old payload: today's data, or the issues of the newest schema that could have taken it. */
export type Upcasted =
  | { readonly data: unknown }
  | { readonly issues: readonly { readonly path: PropertyKey[]; readonly message: string }[] }

/**
 * Converts a stored payload to today's schema.
 * 1. If the fingerprint names a schema of the chain, that schema parses the payload, and the later steps upcast it.
 * 2. Else the newest schema that takes it wins, because a schema may have been widened without a step.
 * 3. If none takes it, the issues of the newest are returned.
 */
export function applyUpcasts(chain: Chain, stored: string, data: unknown): Upcasted {
  const named = find(chain, stored)
  if (named) return climb(chain, named, data)
  const newest = climb(chain, chain, data)
  for (let older = chain.older; 'issues' in newest && older; older = older.older) {
    const found = climb(chain, older, data)
    if ('data' in found) return found
  }
  return newest
}

function find(chain: Chain | null, fingerprint: string): Chain | null {
  return chain === null || chain.fingerprint === fingerprint ? chain : find(chain.older, fingerprint)
}

function climb(to: Chain, from: Chain, data: unknown): Upcasted {
  if (to === from) return parse(to.schema, data)
  const older = climb(to.older!, from, data)
  if ('issues' in older) return older
  const raised = raise(to.up!, older.data)
  return 'issues' in raised ? raised : parse(to.schema, raised.data)
}

function raise(up: UpcastStep['up'], old: unknown): Upcasted {
  try {
    return { data: up(old) }
  } catch (error) {
    return { issues: [{ path: [], message: `its upcast threw ${String(error)}` }] }
  }
}

function parse(schema: z.ZodType, data: unknown): Upcasted {
  const parsed = schema.safeParse(data)
  return parsed.success ? { data: parsed.data } : { issues: parsed.error.issues }
}
