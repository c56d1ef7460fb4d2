import { expect, test } from 'bun:test'
import { memory } from 'emaki'
import { makeShop } from './api-keys.ts'

const adminToken = 'a-token-that-only-this-test-has'
const basket = { customerId: 'c1', items: [{ sku: 'a', qty: 1, price: 100 }] }

function openShop() {
  const store = memory()
  const shop = makeShop({ adminToken, store })
  const post = (path: string, bearer: string | null, body: object = {}) =>
    shop.request(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...(bearer && { Authorization: `Bearer ${bearer}` }) },
      body: JSON.stringify(body),
    })
  const issue = async (owner: string) => {
    const answer = await post(`/keys/${owner}`, adminToken)
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([201, 'no-store'])
    return ((await answer.json()) as { readonly key: string }).key
  }
  return { store, post, issue }
}

test('an API key is issued by the administrator alone, and is the actor of what it sends', async () => {
  const { store, post, issue } = openShop()
  for (const bearer of [null, 'another-token', await issue('ada')]) expect((await post('/keys/eve', bearer)).status).toBe(401)
  expect((await post('/order/o1/place', await issue('ada'), basket)).status).toBe(201)
  const [placed] = await store.read('order-o1', { after: 0, limit: 1 })
  expect(JSON.parse(placed!.meta)).toMatchObject({ actor: 'ada' })
})

test('an API key is refused that is missing, unknown, or has another secret, and no route issues one', async () => {
  const { post, issue } = openShop()
  const key = await issue('ada')
  const [id, secret] = key.split('.') as [string, string]
  const others = [null, 'nonsense', id, `${id}.`, `${id}.${'a'.repeat(43)}`, `${crypto.randomUUID()}.${secret}`, `${key}a`]
  for (const other of others) expect([other, (await post('/order/o1/place', other, basket)).status]).toEqual([other, 401])
  expect((await post('/api_key/k1/issue', key, { owner: 'eve', hash: '' })).status).toBe(404)
})

test('an API key that its owner has revoked is refused from the next request on, and others go on', async () => {
  const { post, issue } = openShop()
  const [mine, yours] = [await issue('ada'), await issue('eve')]
  const revoke = `/api_key/${mine.split('.')[0]}/revoke`
  expect(await (await post(revoke, yours)).json()).toMatchObject({ code: 'not-your-key' })
  expect((await post(revoke, mine)).status).toBe(200)
  expect((await post('/order/o1/place', mine, basket)).status).toBe(401)
  expect((await post('/order/o1/place', yours, basket)).status).toBe(201)
})

test('the log holds the hash of a key, and nowhere its secret', async () => {
  const { store, issue } = openShop()
  const key = await issue('ada')
  const [id, secret] = key.split('.') as [string, string]
  const [issued] = await store.read(`api_key-${id}`, { after: 0, limit: 1 })
  expect(issued!.data).toMatch(/"hash":"[\da-f]{64}"/)
  expect(JSON.stringify(issued)).not.toContain(secret)
})
