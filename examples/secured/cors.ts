// Pages of other origins, which may send commands, follow events and read what their answers say in headers.
import { type App, app } from 'emaki/http'
import { cors } from 'hono/cors'
import { order } from '../marketplace/order.ts'
import type { ShopOptions } from './caller.ts'

/** Headers of answers that a page reads only if they are named: a browser hides all others from it. */
const SHOWN = ['ETag', 'Event-Position', 'Idempotency-Replayed', 'Link', 'Location', 'Retry-After', 'Row-Parked', 'X-Request-Id']

/** `origins`: such as `https://shop.example`. */
export function makeShop({ origins, ...options }: ShopOptions & { readonly origins: readonly string[] }): App {
  // The option `origins` is for WebSockets, which know no CORS.
  const shop = app({ serve: [order], origins, ...options })
  shop.use(cors({ origin: [...origins], exposeHeaders: SHOWN, credentials: true, maxAge: 600 }))
  return shop
}
