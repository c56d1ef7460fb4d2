import type { Context } from 'hono'
import { basePath } from 'hono/route'

/** Where another app mounts the app that serves a request, such as `/shop`; empty: nowhere. Ask before the next handler. */
export function basePathOf(c: Context): string {
  const base = basePath(c)
  return base === '/' ? '' : base
}
