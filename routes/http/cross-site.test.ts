import { expect, test } from 'bun:test'
import { basicAuth } from 'hono/basic-auth'
import { cors } from 'hono/cors'
import { type Client, expectProblem, openClient } from '../../src/test-support/http.ts'
import { handle } from '../commands/commands.ts'
import { account } from '../../src/test-support/account.ts'

const SHOP = 'https://shop.example'
const crossSite = { 'Sec-Fetch-Site': 'cross-site', Origin: SHOP }
const deposit = ({ post }: Client, headers: Record<string, string>) => post('/account/a1/deposit', { cents: 1 }, headers)

test('a command of a page of another site answers 403, with and without a body, and appends nothing', async () => {
  const one = openClient()
  expectProblem(await deposit(one, crossSite), 'forbidden', { detail: expect.stringContaining('origins') })
  expectProblem(await one.post('/account/a1/deposit', undefined, crossSite), 'forbidden', { detail: expect.any(String) })
  expectProblem(await deposit(one, { 'Sec-Fetch-Site': 'cross-site' }), 'forbidden', { detail: expect.any(String) })
  const withdrawal = { method: 'DELETE', headers: crossSite }
  expectProblem(await one.ask('/commands/c1', withdrawal), 'forbidden', { detail: expect.any(String) })
  expect(one.store.calls.append).toBe(0)
})

test('a command by handle() on a route of the user is refused to pages of other sites, too', async () => {
  const one = openClient()
  one.app.post('/pay/:id', handle(account.deposit))
  expectProblem(await one.post('/pay/a1', { cents: 1 }, crossSite), 'forbidden', { detail: expect.any(String) })
  expect(one.store.calls.append).toBe(0)
})

test.each(['same-origin', 'same-site', 'none'])('a command with Sec-Fetch-Site: %s is accepted', async site => {
  expect((await deposit(openClient(), { 'Sec-Fetch-Site': site, Origin: SHOP })).status).toBe(201)
})

test('a page of another site may read what anybody may, and may send to a route of the user', async () => {
  const one = openClient()
  one.app.post('/own', c => c.text('own'))
  expect((await one.get('/health', crossSite)).status).toBe(200)
  expect((await one.get('/openapi.json', crossSite)).status).toBe(200)
  expect((await one.post('/own', {}, crossSite)).status).toBe(200)
})

test('a page of an origin that the app allows may send commands, and no page of another origin', async () => {
  const one = openClient({ origins: [SHOP] })
  expect((await deposit(one, crossSite)).status).toBe(201)
  const other = { ...crossSite, Origin: 'https://evil.example' }
  expectProblem(await deposit(one, other), 'forbidden', { detail: expect.any(String) })
})

test('a page of an origin that cors names may send commands, and no page of another origin', async () => {
  const one = openClient()
  one.app.use(cors({ origin: SHOP, credentials: true }))
  expect((await deposit(one, { ...crossSite, Cookie: 'session=1' })).status).toBe(201)
  const other = { ...crossSite, Origin: 'https://evil.example' }
  expectProblem(await deposit(one, other), 'forbidden', { detail: expect.any(String) })
})

test('a page of any origin may send commands where cors allows all, without what browsers add by themselves', async () => {
  const one = openClient()
  one.app.use(cors())
  expect((await deposit(one, crossSite)).status).toBe(201)
  expect((await deposit(one, { ...crossSite, Authorization: 'Bearer t' })).status).toBe(200)
  for (const ambient of [{ Cookie: 'session=1' }, { Authorization: 'Basic YTpi' }])
    expectProblem(await deposit(one, { ...crossSite, ...ambient }), 'forbidden', { detail: expect.any(String) })
})

test('a cached password does not let a page of another site send a command', async () => {
  const one = openClient()
  one.app.use(basicAuth({ username: 'a', password: 'b' }))
  const headers = { ...crossSite, Authorization: `Basic ${btoa('a:b')}` }
  expectProblem(await one.post('/account/a1/deposit', undefined, headers), 'forbidden', { detail: expect.any(String) })
})
