// An upload with a limit of its own: the limit of the app, 1 MiB, is for all other routes.
import { type App, app, limitBody } from 'emaki/http'
import { order } from '../marketplace/order.ts'
import type { ShopOptions } from './caller.ts'

export const PHOTO_BYTES_MAX = 20 * 1_048_576

/** `save` keeps the bytes of a photo, such as in an object store, before the answer. */
export function makeShop({
  save,
  ...options
}: ShopOptions & { readonly save: (name: string, bytes: Uint8Array) => Promise<void> }): App {
  const shop = app({ serve: [order], ...options })
  shop.put('/photos', limitBody(PHOTO_BYTES_MAX), async c => {
    const bytes = await c.req.bytes()
    // The name is the content: an upload that is repeated changes nothing, and an event may hold the name.
    const name = new Bun.CryptoHasher('sha256').update(bytes).digest('hex')
    await save(name, bytes)
    return c.json({ name }, 201)
  })
  return shop
}
