import { expect, test } from 'bun:test'
import { memory } from 'emaki'
import fc from 'fast-check'
import { makeShop, takeOne } from './rate-limits.ts'

const policy = { name: 'commands', quota: 4, windowMs: 60_000 }
const basket = { customerId: 'c1', items: [{ sku: 'a', qty: 1, price: 100 }] }

function openShop() {
  const clock = { ms: 1_000_000 }
  const shop = makeShop({
    policy,
    verify: (name, password) => password === `${name}'s password`,
    now: () => clock.ms,
    store: memory(),
  })
  const place = async (name: string, id: string, headers = {}) => {
    const Authorization = `Basic ${btoa(`${name}:${name}'s password`)}`
    const init = {
      method: 'POST',
      headers: { Authorization, 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify(basket),
    }
    const { status, headers: found } = await shop.request(`/order/${id}/place`, init)
    return [status, found.get('ratelimit'), found.get('retry-after')]
  }
  return { clock, shop, place }
}

test('a caller may send as many commands as the policy says, and learns from headers how many are left', async () => {
  const { place, shop } = openShop()
  expect(await place('ada', 'o1')).toEqual([201, '"commands";r=3;t=15', null])
  expect(await place('ada', 'o2')).toEqual([201, '"commands";r=2;t=30', null])
  expect(await place('ada', 'o3')).toEqual([201, '"commands";r=1;t=45', null])
  expect(await place('ada', 'o4')).toEqual([201, '"commands";r=0;t=60', null])
  expect(await place('ada', 'o5')).toEqual([429, '"commands";r=0;t=60', '15'])
  expect(await place('eve', 'o6')).toEqual([201, '"commands";r=3;t=15', null])
  const headers = { Authorization: `Basic ${btoa("ada:ada's password")}` }
  const refused = await shop.request('/order/o7/cancel', { method: 'POST', headers })
  expect(await refused.json()).toMatchObject({ type: '/problems/too-many-requests', status: 429 })
  expect(refused.headers.get('ratelimit-policy')).toBe('"commands";q=4;w=60')
  expect((await shop.request('/openapi.json', { headers })).status).toBe(200)
})

test('a caller who has waited for as long as Retry-After says may send the next command, and no more', async () => {
  const { clock, place } = openShop()
  for (let i = 1; i <= 4; i++) await place('ada', `o${i}`)
  clock.ms += 14_999
  expect((await place('ada', 'o5'))[0]).toBe(429)
  clock.ms += 1
  expect((await place('ada', 'o5'))[0]).toBe(201)
  expect((await place('ada', 'o6'))[0]).toBe(429)
})

test('a command that is sent again with its key does not count, and one with a new key does', async () => {
  const { place } = openShop()
  await place('ada', 'o1', { 'Idempotency-Key': 'k1' })
  for (let i = 0; i < 9; i++) expect(await place('ada', 'o1', { 'Idempotency-Key': 'k1' })).toEqual([201, null, null])
  expect(await place('ada', 'o2', { 'Idempotency-Key': 'k2' })).toEqual([201, '"commands";r=2;t=30', null])
})

test('no caller ever has more requests in a window than the burst and what the time between has given', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.array(fc.nat(20_000), { maxLength: 60 }), (quota, pauses) => {
      const windowMs = quota * 10_000
      const allowed: number[] = []
      let [now, freeAt] = [1_000_000, 0]
      for (const pause of pauses) {
        now += pause
        const verdict = takeOne({ name: 'p', quota, windowMs }, freeAt, now)
        freeAt = verdict.freeAt
        if (verdict.isAllowed) allowed.push(now)
        else expect(takeOne({ name: 'p', quota, windowMs }, freeAt, now + verdict.retryAfterMs).isAllowed).toBe(true)
      }
      for (const [i, from] of allowed.entries())
        for (const [j, to] of allowed.entries())
          if (j >= i) expect(j - i + 1).toBeLessThanOrEqual(quota + Math.floor((to - from) / 10_000))
    }),
    { numRuns: 50 },
  )
})
