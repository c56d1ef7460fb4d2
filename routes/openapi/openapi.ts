// GET /openapi.json: the routes of an app as OpenAPI 3.1. The first request makes the document; later ones reuse it.
import { Hono } from 'hono'
import { LRUCache } from 'lru-cache'
import type { Config } from '../../src/config.ts'
import type { AppOptions } from '../app-options.ts'
import { type FixedContent, fixedContent, keepResult, respondWithContent } from '../http/fixed-content.ts'
import { isProduction } from '../../src/definitions/environment.ts'
import type { Documented, DocumentPlace } from './document.ts'
import type { Json } from './schemas.ts'
import { withParameters } from '../http/parameters.ts'
import { baseOf } from '../http/base-path.ts'

/** Makes the route for `/openapi.json`. */
export function openapi(definitions: readonly Documented[], options: AppOptions, configured: () => Config): Hono {
  // A base path may have parameters, such as `/:tenant`. Whatever clients ask for, few documents are kept.
  const documents = new LRUCache<string, ReturnType<typeof keepResult<FixedContent>>>({ max: BASES_MAX })
  const documentAt = (base: string) => {
    const known = documents.get(base)
    if (known) return known
    const written = keepResult(() => write(definitions, options, { base, security: securityOf(options, configured()) }))
    documents.set(base, written)
    return written
  }
  return new Hono().get(
    '/openapi.json',
    withParameters([], async c => respondWithContent(c, await documentAt(baseOf(c))())),
  )
}

/** How many documents are kept, each for a base path. */
const BASES_MAX = 8

async function write(definitions: readonly Documented[], options: AppOptions, place: DocumentPlace): Promise<FixedContent> {
  // Loaded by the first request, so that an app starts without it.
  const { documentOf } = await import('./document.ts')
  const bytes = new TextEncoder().encode(JSON.stringify(documentOf(definitions, options, place)))
  return fixedContent({ 'Content-Type': 'application/json', 'Cache-Control': 'no-cache' }, bytes)
}

/** The credentials that reading streams may need. In OpenAPI one of the entries is enough, and `{}` needs none. */
function securityOf({ guard, authorize, publicStreams = [] }: AppOptions, { ADMIN_TOKEN, NODE_ENV }: Config): readonly Json[] {
  const guarded = guard !== undefined || authorize !== undefined || ADMIN_TOKEN !== undefined || isProduction(NODE_ENV)
  if (!guarded) return []
  return publicStreams.length > 0 ? [{}, { bearer: [] }] : [{ bearer: [] }]
}
