// An origin with our headers behind Debian's Varnish with our rules.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { cacheHeaders } from '../../../routes/http/cache-headers.ts'
import { until } from '../../test-support/servers/until.ts'
import { startVarnish, type Varnish } from '../../test-support/servers/varnish.ts'
import { varnishPurger } from './varnish.ts'

const POLICY = { ttlMs: 600_000, staleMs: 60_000 }

let served = 0
let more: Readonly<Record<string, string>> = {}
const origin = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  fetch: request => {
    const { pathname, searchParams } = new URL(request.url)
    const options = { policy: POLICY, tags: searchParams.getAll('tag'), position: 1, isPublic: pathname !== '/mine' }
    return new Response(`${++served}`, { headers: { ...cacheHeaders(options), ETag: `"${served}"`, ...more } })
  },
})
let varnish: Varnish
let vcl: string
beforeAll(async () => {
  const shipped = await Bun.file(join(import.meta.dir, 'varnish.vcl')).text()
  vcl = shipped.replace('"3000"', `"${origin.port}"`)
  varnish = await startVarnish(vcl)
})
afterAll(async () => {
  await varnish.stop()
  await origin.stop(true)
})
beforeEach(async () => {
  more = {}
  await varnishPurger({ url: varnish.url }).purgeAll()
})

const paths = ['/a?tag=orders&tag=order-1', '/b?tag=orders&tag=order-2', `/c?tag=${encodeURIComponent('a b,c ü')}`, '/d'] as const
const get = async (path: string, headers: Readonly<Record<string, string>> = {}): Promise<string> =>
  (await fetch(`${varnish.url}${path}`, { headers })).text()
const getAll = () => Promise.all(paths.map(path => get(path)))

describe('behind Varnish', () => {
  test('Varnish keeps an answer until one of its tags is purged, and keeps the others after that', async () => {
    const purger = varnishPurger({ url: varnish.url })
    const first = await getAll()
    expect(await getAll()).toEqual(first)
    await purger.purge(['order-1'])
    const second = await getAll()
    expect(second.slice(1)).toEqual(first.slice(1))
    expect(second[0]).not.toBe(first[0]!)
    await purger.purge(['orders'])
    const third = await getAll()
    expect(third.slice(2)).toEqual(first.slice(2))
    expect([third[0], third[1]]).not.toContain(second[0])
    expect([third[0], third[1]]).not.toContain(second[1])
    await purger.purge(['a b,c ü', 'nothing'])
    const fourth = await getAll()
    expect(fourth[2]).not.toBe(third[2]!)
    expect([fourth[0], fourth[1], fourth[3]]).toEqual([third[0]!, third[1]!, third[3]!])
  })

  test('Varnish drops the answers of each tag of a purge of many tags', async () => {
    const first = await get(paths[0])
    await varnishPurger({ url: varnish.url }).purge([...Array.from({ length: 2_000 }, (_, i) => `another-${i}`), 'order-1'])
    expect(await get(paths[0])).not.toBe(first)
  })

  test('Varnish drops all answers when everything is purged', async () => {
    const first = await getAll()
    await varnishPurger({ url: varnish.url }).purgeAll()
    expect((await getAll()).filter(body => first.includes(body))).toEqual([])
  })

  test('Varnish gives an answer that was purged softly once more, while it fetches a new one', async () => {
    const first = await get(paths[0])
    await varnishPurger({ url: varnish.url, isSoft: true }).purge(['order-1'])
    expect(await get(paths[0])).toBe(first)
    await until('it is fetched', async () => (await get(paths[0])) !== first)
  })

  test('Varnish passes a request with a position to the origin, and keeps no answer that is not for all', async () => {
    const first = await get(paths[0])
    expect(await get(paths[0], { 'Min-Position': '7' })).not.toBe(first)
    expect(await get(paths[0])).toBe(first)
    expect(await get('/mine?tag=a')).not.toBe(await get('/mine?tag=a'))
  })

  test('Varnish keeps no answer that no purge could reach', async () => {
    const path = `/many?${Array.from({ length: 300 }, (_, i) => `tag=a-long-tag-${i}`).join('&')}`
    expect(await get(path)).not.toBe(await get(path))
  })

  test('Varnish hides tags and CDN headers from browsers, and tells browsers to ask again', async () => {
    const { headers } = await fetch(`${varnish.url}${paths[0]}`)
    for (const name of ['xkey', 'Surrogate-Key', 'Cache-Tag', 'CDN-Cache-Control']) expect(headers.get(name)).toBeNull()
    expect(headers.get('Cache-Control')).toBe('public, max-age=0, must-revalidate')
    const again = await fetch(`${varnish.url}${paths[0]}`, { headers: { 'If-None-Match': headers.get('ETag')! } })
    expect(again.status).toBe(304)
  })

  test('Varnish keeps an answer of an origin without tags as its headers say', async () => {
    more = { 'CDN-Cache-Control': 'max-age=0', 'Cache-Control': 'public, max-age=60' }
    expect(await get('/zero')).not.toBe(await get('/zero'))
  })

  test('Varnish purges nothing under rules that do not hand the tags to xkey, which the first test would see', async () => {
    const line = 'set beresp.http.xkey = beresp.http.Surrogate-Key;'
    expect(vcl).toContain(line)
    await using deaf = await startVarnish(vcl.replace(line, ''))
    const ask = async () => (await fetch(`${deaf.url}${paths[0]}`)).text()
    const first = await ask()
    await varnishPurger({ url: deaf.url }).purge(['order-1'])
    expect(await ask()).toBe(first)
  })
})
