// The custom metadata of a request's events, as the option `meta` of the app gives it.
import type { Context } from 'hono'
import { type CustomMeta, customMetaProblem } from '../src/definitions/event/custom-meta.ts'
import { errorsOf, problem } from './http/problem.ts'

/**
 * Gives metadata of one's own for the events of a request, at most 4 096 characters of JSON; null: none. It becomes
 * `meta.custom`. A command whose metadata is longer, or no JSON, is refused with 400.
 */
export type MetaOf = (c: Context) => CustomMeta | null | Promise<CustomMeta | null>

declare module 'hono' {
  interface ContextVariableMap {
    emakiMeta: MetaOf | null
  }
}

/** The custom metadata of a request, as an option of `send`. A Response refuses it. */
export async function customMetaOf(c: Context): Promise<{ readonly meta?: CustomMeta } | Response> {
  const meta = (await c.get('emakiMeta')?.(c)) ?? null
  if (meta === null) return {}
  const wrong = customMetaProblem(meta)
  return wrong ? problem(c, 'validation-failed', errorsOf({ outcome: 'invalid', issues: [wrong] })) : { meta }
}
