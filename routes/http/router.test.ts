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

function routed() {
  const made = { ours: new RouterByMethod<string>(), hono: new TrieRouter<string>() }
  for (const [method, path, handler] of ROUTES) for (const router of Object.values(made)) router.add(method, path, handler)
  return made
}

test.each(['GET', 'POST', 'PURGE', 'DELETE'])('%s finds what the router of Hono finds that takes all paths', method => {
  const { ours, hono } = routed()
  for (const path of ['/', '/orders', '/order/o1', '/order/place', '/order/o1/place', '/order/a/b/c'])
    expect(ours.match(method, path)[0].map(([handler]) => handler)).toEqual(
      hono.match(method, path)[0].map(([handler]) => handler),
    )
})

test('A router without any route finds nothing.', () => {
  expect(new RouterByMethod<string>().match('GET', '/')[0]).toEqual([])
})

test('A route that comes after the first request is refused, as by Hono.', () => {
  const { ours } = routed()
  ours.match('GET', '/')
  expect(() => ours.add('GET', '/late', 'late')).toThrow('matcher is already built')
})
