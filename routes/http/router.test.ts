import { expect, test } from 'bun:test'
import { TrieRouter } from 'hono/router/trie-router'
import { RouterByMethod } from './router.ts'

const ROUTES = [
  ['ALL', '*', 'first'],
  ['GET', '/order/:id', 'order'],
  ['GET', '/orders', 'orders'],
  ['POST', '/order/:id/place', 'place by id'],
  ['ALL', '/order/*', 'all of orders'],
  ['POST', '/order/place', 'place'],
  ['PURGE', '/orders', 'purge'],
] as const

function buildRouters() {
  const routers = { ours: new RouterByMethod<string>(), hono: new TrieRouter<string>() }
  for (const [method, path, handler] of ROUTES) for (const router of Object.values(routers)) router.add(method, path, handler)
  return routers
}

test.each(['GET', 'POST', 'PURGE', 'DELETE'])('the router finds for %s what the router of Hono for all paths finds', method => {
  const { ours, hono } = buildRouters()
  for (const path of ['/', '/orders', '/order/o1', '/order/place', '/order/o1/place', '/order/a/b/c'])
    expect(ours.match(method, path)[0].map(([handler]) => handler)).toEqual(
      hono.match(method, path)[0].map(([handler]) => handler),
    )
})

test('a router without routes finds nothing', () => {
  expect(new RouterByMethod<string>().match('GET', '/')[0]).toEqual([])
})

test('a route that is added after the first request throws, as with Hono', () => {
  const { ours } = buildRouters()
  ours.match('GET', '/')
  expect(() => ours.add('GET', '/late', 'late')).toThrow('matcher is already built')
})
