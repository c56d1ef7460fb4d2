// GET /openapi.json: the routes of an app as OpenAPI 3.1. The first request makes the document; later ones reuse it.
import { Hono } from 'hono'
import type { Config } from '../../src/config.ts'
import type { AppOptions } from '../app-options.ts'
import { type FixedContent, fixedContent, keepResult, respondWithContent } from '../http/fixed-content.ts'
import { isProduction } from '../../src/definitions/environment.ts'
import type { Documented } from './document.ts'
import type { Json } from './schemas.ts'

/** Makes the route for `/openapi.json`. */
export function openapi(definitions: readonly Documented[], options: AppOptions, configured: () => Config): Hono {
  const written = keepResult(() => write(definitions, options, securityOf(options, configured())))
  return new Hono().get('/openapi.json', async c => respondWithContent(c, await written()))
}

async function write(definitions: readonly Documented[], options: AppOptions, security: readonly Json[]): Promise<FixedContent> {
  // Loaded by the first request, so that an app starts without it.
  const { documentOf } = await import('./document.ts')
  const bytes = new TextEncoder().encode(JSON.stringify(documentOf(definitions, options, security)))
  return fixedContent({ 'Content-Type': 'application/json', 'Cache-Control': 'no-cache' }, bytes)
}

/** The credentials that reading streams may need. In OpenAPI one of the entries is enough, and `{}` needs none. */
function securityOf({ guard, publicStreams = [] }: AppOptions, { ADMIN_TOKEN, NODE_ENV }: Config): readonly Json[] {
  const guarded = guard !== undefined || ADMIN_TOKEN !== undefined || isProduction(NODE_ENV)
  if (!guarded) return []
  return publicStreams.length > 0 ? [{}, { bearer: [] }] : [{ bearer: [] }]
}
