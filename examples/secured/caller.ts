// What the recipes share: the caller whom a middleware has found, and the refusal of a request without one.
import type { Store } from 'emaki'
import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'

declare module 'hono' {
  interface ContextVariableMap {
    caller: string
  }
}

/** The store of a recipe; without one the environment names it. */
export type ShopOptions = { readonly store?: Store }

export const callerOf = (c: Context): string | null => c.get('caller') ?? null

/** The credentials of `Authorization: Bearer …`; null: there are none. */
export const bearerOf = (c: Context): string | null => /^Bearer (\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1] ?? null

/** An error with a status and headers, and without a body: Emaki answers with the problem of its status. */
export const refusal = (status: 401 | 429 | 503, headers: Readonly<Record<string, string>>): HTTPException =>
  new HTTPException(status, { res: new Response(null, { status, headers }) })
