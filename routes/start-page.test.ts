import { afterEach, describe, expect, test } from 'bun:test'
import { Hono } from 'hono'
import { readConfig } from '../src/config.ts'
import { cleanUp } from '../src/test-support/cleanup.ts'
import { openClient } from '../src/test-support/http.ts'
import { expectProblem } from '../src/test-support/http.ts'

afterEach(cleanUp)

const PRODUCTION = { config: readConfig({ NODE_ENV: 'production', ADMIN_TOKEN: 'x'.repeat(16) }) }

describe('the root of an app without a route of its own there', () => {
  test('answers in development with links, each of which has an answer', async () => {
    const { get } = openClient({ title: 'Shop' })
    const { status, headers, body } = await get('/')
    expect([status, headers.get('content-type'), headers.get('vary')]).toEqual([200, 'application/json', 'Accept'])
    const { title, note, ...links } = body as Readonly<Record<string, string>>
    expect(title).toBe('Shop')
    expect(note).toContain('development')
    expect(Object.keys(links)).toContain('docs')
    for (const link of Object.values(links)) expect([link, (await get(link)).status]).toEqual([link, 200])
  })

  test('answers a browser with a page of the same links', async () => {
    const { get } = openClient({ title: 'A <b> shop' })
    const { headers, body } = await get('/', { Accept: 'text/html,application/xhtml+xml,*/*;q=0.8' })
    expect(headers.get('content-type')).toBe('text/html; charset=UTF-8')
    expect(body).toContain('<title>A &lt;b&gt; shop</title>')
    for (const link of ['/docs', '/openapi.json', '/health']) expect(body).toContain(`<a href="${link}">`)
  })

  test('answers below the base path at which another app mounts it, with links that lead there', async () => {
    const { app } = openClient()
    const site = new Hono().route('/shop', app)
    for (const path of ['/shop', '/shop/']) {
      const response = await site.request(path)
      expect([path, response.status, await response.json()]).toMatchObject([
        path,
        200,
        { docs: '/shop/docs', health: '/shop/health' },
      ])
    }
  })

  test('is a problem in production, as it is there for other methods', async () => {
    const { get } = openClient(PRODUCTION)
    expectProblem(await get('/'), 'not-found')
    expectProblem(await openClient().ask('/', { method: 'POST' }), 'not-found')
  })
})

test('a route of the user for / comes in place of the start page, also of an app that mounts this one', async () => {
  const { app, get } = openClient()
  app.get('/', c => c.text('mine'))
  expect((await get('/')).body).toBe('mine')
  const site = new Hono().route('/shop', openClient().app).get('/shop', c => c.text('its own'))
  expect(await (await site.request('/shop')).text()).toBe('its own')
})
