import { expect, test } from 'bun:test'
import { memory } from 'emaki'
import { makeShop } from './cors.ts'

const origin = 'https://shop.example'
const basket = { customerId: 'c1', items: [{ sku: 'a', qty: 1, price: 100 }] }
const shop = makeShop({ origins: [origin], store: memory() })
const place = (id: string, Origin: string) =>
  shop.request(`/order/${id}/place`, {
    method: 'POST',
    headers: { Origin, 'Sec-Fetch-Site': 'cross-site', 'Content-Type': 'application/json' },
    body: JSON.stringify(basket),
  })

test('a page of an origin that is named sends commands, and reads the headers of their answers', async () => {
  const preflight = await shop.request('/order/o1/place', {
    method: 'OPTIONS',
    headers: { Origin: origin, 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'idempotency-key' },
  })
  expect([preflight.status, preflight.headers.get('access-control-allow-headers')]).toEqual([204, 'idempotency-key'])
  const { status, headers } = await place('o1', origin)
  expect([status, headers.get('access-control-allow-origin')]).toEqual([201, origin])
  const shown = headers.get('access-control-expose-headers')!.toLowerCase().split(',')
  for (const name of ['location', 'etag', 'event-position'])
    expect([name, headers.has(name), shown.includes(name)]).toEqual([name, true, true])
})

test('a page of another origin sends no command', async () => {
  const { status, headers } = await place('o2', 'https://evil.example')
  expect([status, headers.get('access-control-allow-origin')]).toEqual([403, null])
})
