import { expect, test } from 'bun:test'
import { memory } from 'emaki'
import { makeShop } from './sessions.ts'

const basket = { customerId: 'c1', items: [{ sku: 'a', qty: 1, price: 100 }] }
const check = async (name: string, password: string) => (password === `${name}'s password` ? name : null)
const ORIGIN = 'http://localhost'

function openShop(lifetimeMs?: number) {
  const store = memory()
  const shop = makeShop({
    secret: 'a secret that only this test has',
    check,
    store,
    ...(lifetimeMs !== undefined && { lifetimeMs }),
  })
  const post = (path: string, headers: Readonly<Record<string, string>>, body = '') =>
    shop.request(path, { method: 'POST', headers: { Origin: ORIGIN, ...headers }, body })
  const logIn = (name: string, password: string, headers = {}) =>
    post(
      '/login',
      { 'Content-Type': 'application/x-www-form-urlencoded', ...headers },
      `${new URLSearchParams({ name, password })}`,
    )
  const cookieOf = (answer: Response) => answer.headers.get('set-cookie')!.split(';')[0]!
  const place = (id: string, cookie: string, headers = {}) =>
    post(`/order/${id}/place`, { 'Content-Type': 'application/json', Cookie: cookie, ...headers }, JSON.stringify(basket))
  return { store, post, logIn, cookieOf, place }
}

test('a login with the right password gives a cookie, which is the actor of what follows', async () => {
  const { store, logIn, cookieOf, place } = openShop()
  const answer = await logIn('ada', "ada's password")
  expect([answer.status, answer.headers.get('set-cookie')]).toEqual([
    204,
    expect.stringMatching(/^__Host-session=.*HttpOnly; Secure; SameSite=Lax$/),
  ])
  expect((await place('o1', cookieOf(answer))).status).toBe(201)
  const [placed] = await store.read('order-o1', { after: 0, limit: 1 })
  expect(JSON.parse(placed!.meta)).toMatchObject({ actor: 'ada' })
  const refused = await logIn('ada', "eve's password")
  expect([refused.status, refused.headers.get('set-cookie')]).toEqual([401, null])
})

test('a cookie is refused that is missing, forged, or of a session that is over', async () => {
  const { logIn, cookieOf, place } = openShop()
  const cookie = cookieOf(await logIn('ada', "ada's password"))
  const forged = cookie.replace(/=[\da-f]/, digit => (digit === '=0' ? '=1' : '=0'))
  for (const other of ['', forged, '__Host-session=x']) expect([other, (await place('o1', other)).status]).toEqual([other, 401])
  const short = openShop(0)
  expect((await short.place('o1', short.cookieOf(await short.logIn('ada', "ada's password")))).status).toBe(401)
})

test('a logout ends the session of its cookie, also for whoever has copied it, and no other session', async () => {
  const { post, logIn, cookieOf, place } = openShop()
  const [first, second] = [cookieOf(await logIn('ada', "ada's password")), cookieOf(await logIn('ada', "ada's password"))]
  const answer = await post('/logout', { Cookie: first })
  expect([answer.status, answer.headers.get('set-cookie')]).toEqual([204, expect.stringMatching(/^__Host-session=; Max-Age=0/)])
  expect([(await place('o1', first)).status, (await place('o1', second)).status]).toEqual([401, 201])
  expect((await post('/logout', { Cookie: first })).status).toBe(401)
})

test('a page of another site sends neither a command nor a form with the cookie of a session', async () => {
  const { post, logIn, cookieOf, place } = openShop()
  const cookie = cookieOf(await logIn('ada', "ada's password"))
  const evil = { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' }
  const answers = [
    await place('o1', cookie, evil),
    await post('/order/o1/cancel', { ...evil, Cookie: cookie }),
    await post('/logout', { ...evil, Cookie: cookie }),
    await logIn('eve', "eve's password", evil),
  ]
  for (const answer of answers) expect([answer.status, await answer.json()]).toMatchObject([403, { type: '/problems/forbidden' }])
  expect((await place('o1', cookie)).status).toBe(201)
})
