// GET /openapi.json: the routes of an app as OpenAPI 3.1. The first request makes the document; later ones reuse it.
import { Hono } from 'hono'
import { compress } from 'hono/compress'
import { etag } from 'hono/etag'
import type { Config } from '../../src/config.ts'
import type { AppOptions } from '../app-options.ts'
import type { Documented } from './document.ts'
import type { Json } from './schemas.ts'

type Written = { readonly text: string; readonly tag: string }

/** Makes the route for `/openapi.json`. */
export function openapi(definitions: readonly Documented[], options: AppOptions, configured: () => Config): Hono {
  let writing: Promise<Written> | null = null
  return new Hono().get('/openapi.json', etag(), compress(), async c => {
    writing ??= write(definitions, options, securityOf(options, configured()))
    const { text, tag } = await writing
    return c.body(text, 200, { 'Content-Type': 'application/json', ETag: tag, 'Cache-Control': 'no-cache' })
  })
}

async function write(definitions: readonly Documented[], options: AppOptions, security: readonly Json[]): Promise<Written> {
  // Loaded by the first request, so that an app starts without it.
  const { documentOf } = await import('./document.ts')
  const text = JSON.stringify(documentOf(definitions, options, security))
  return { text, tag: `"${new Bun.CryptoHasher('sha256').update(text).digest('base64url').slice(0, 22)}"` }
}

/** The credentials that reading streams may need. In OpenAPI one of the entries is enough, and `{}` needs none. */
function securityOf({ guard, publicStreams = [] }: AppOptions, { ADMIN_TOKEN, NODE_ENV }: Config): readonly Json[] {
  const guarded = guard !== undefined || ADMIN_TOKEN !== undefined || NODE_ENV === 'production'
  if (!guarded) return []
  return publicStreams.length > 0 ? [{}, { bearer: [] }] : [{ bearer: [] }]
}
