import { expect, test } from 'bun:test'
import { memory } from 'emaki'
import { sign } from 'hono/jwt'
import { makeShop } from './jwt-roles.ts'

const secret = 'a secret that only this test has'
const basket = { customerId: 'c1', items: [{ sku: 'a', qty: 1, price: 100 }] }

/** Asks as a caller whose token has these roles; null: without a token. */
function ask(shop: ReturnType<typeof makeShop>) {
  return async (roles: readonly string[] | null, path: string, body?: object) => {
    const token = roles && (await sign({ sub: 'ada', roles: [...roles] }, secret, 'HS256'))
    const headers = { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) }
    const response = await shop.request(path, body ? { method: 'POST', headers, body: JSON.stringify(body) } : { headers })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
}

test('a caller without a token is refused, and one with a token is the actor of what follows', async () => {
  const as = ask(makeShop({ secret, store: memory() }))
  expect(await as(null, '/order/o1/place', basket)).toMatchObject({ status: 401, body: { type: '/problems/unauthenticated' } })
  expect((await as([], '/order/o1/place', basket)).status).toBe(201)
  expect((await as(['staff'], '/streams/order-o1')).body).toMatchObject({ events: [{ meta: { actor: 'ada' } }] })
})

test('a command that needs a role is refused to callers without it, by both of its paths', async () => {
  const as = ask(makeShop({ secret, store: memory() }))
  await as([], '/order/o1/place', basket)
  for (const path of ['/order/o1/ship', '/order/ship'])
    expect(await as(['staff'], path, { trackingNumber: 'T1' })).toMatchObject({
      status: 403,
      body: { type: '/problems/forbidden' },
    })
  expect((await as(['warehouse'], '/order/o1/ship', { trackingNumber: 'T1' })).body).toMatchObject({ code: 'not-paid' })
})

test('the log is only for staff', async () => {
  const as = ask(makeShop({ secret, store: memory() }))
  await as([], '/order/o1/place', basket)
  expect((await as(['warehouse'], '/streams/order-o1')).status).toBe(403)
  expect((await as(['warehouse'], '/events')).status).toBe(403)
})
