// What is sent, against a server of this test that takes down each request. It stands for the APIs of Fastly and Cloudflare, which cannot be
// run here: the expected requests are those of their public documentation. Varnish is tested for real in varnish.servers.test.ts.
import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { cloudflarePurger } from './cloudflare.ts'
import { surrogatePurger } from './surrogate.ts'
import { varnishPurger } from './varnish.ts'

type Taken = { readonly method: string; readonly path: string; readonly headers: Headers; readonly body: string }

const taken: Taken[] = []
let answer: () => Response | Promise<Response>
const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  fetch: async request => {
    taken.push({
      method: request.method,
      path: new URL(request.url).pathname,
      headers: request.headers,
      body: await request.text(),
    })
    return answer()
  },
})
const url = `http://127.0.0.1:${server.port}`
beforeEach(() => {
  taken.length = 0
  answer = () => Response.json({ success: true, errors: [], messages: [], result: { id: 'zone' } })
})
afterAll(() => server.stop(true))

const buildTags = (count: number) => Array.from({ length: count }, (_, i) => `tag-${i}`)

describe('Cloudflare', () => {
  const purger = cloudflarePurger({ zone: 'z1', token: 'secret', url: `${url}/client/v4` })

  test('Cloudflare is sent tags as JSON, 30 at a time', async () => {
    await purger.purge([...buildTags(61), 'tag-0', 'a b,c'])
    expect(taken.map(({ method, path }) => `${method} ${path}`)).toEqual(Array(3).fill('POST /client/v4/zones/z1/purge_cache'))
    const sent = taken.map(({ body }) => (JSON.parse(body) as { readonly tags: readonly string[] }).tags) // As just written.
    expect(sent.map(({ length }) => length)).toEqual([30, 30, 2])
    expect(sent.flat()).toEqual([...buildTags(61), 'a%20b%2Cc'])
    for (const { headers } of taken) {
      expect(headers.get('Authorization')).toBe('Bearer secret')
      expect(headers.get('Content-Type')).toBe('application/json')
    }
  })

  test('Cloudflare gets one request to purge everything, and none for an empty list of tags', async () => {
    await purger.purge([])
    expect(taken).toEqual([])
    await purger.purgeAll()
    expect(JSON.parse(taken[0]!.body)).toEqual({ purge_everything: true })
  })

  test.each([
    ['an error', () => Response.json({ success: false, errors: [{ code: 1061 }] }, { status: 429 })],
    ['an answer that tells of no success', () => Response.json({ success: false, errors: [{ code: 1061 }] })],
    ['an answer that is not JSON', () => new Response('<html>')],
    ['a way elsewhere', () => Response.redirect(`${url}/elsewhere`)],
  ])('a purge has failed where Cloudflare gives %s, and the error tells no secret', async (_, given) => {
    answer = given
    const failure = await purger.purge(['a']).then(() => 'none', String)
    expect(failure).not.toBe('none')
    expect(failure).not.toContain('secret')
  })
})

describe('Fastly', () => {
  const purger = surrogatePurger({ service: 's1', token: 'secret', url })

  test('Fastly is sent surrogate keys in a header, 256 at a time', async () => {
    answer = () => Response.json({ a: '108-1391560174-974124' })
    await purger.purge([...buildTags(257), 'a b,c'])
    expect(taken.map(({ method, path }) => `${method} ${path}`)).toEqual(Array(2).fill('POST /service/s1/purge'))
    expect(taken.map(({ headers }) => headers.get('Surrogate-Key'))).toEqual([buildTags(256).join(' '), 'tag-256 a%20b%2Cc'])
    expect(taken[0]!.headers.get('Fastly-Key')).toBe('secret')
    expect(taken[0]!.headers.get('Fastly-Soft-Purge')).toBeNull()
  })

  test('Fastly is sent headers that fit, however long the tags', async () => {
    await purger.purge(Array.from({ length: 256 }, (_, i) => `${i}`.padEnd(190, 'x')))
    expect(taken.length).toBeGreaterThan(1)
    for (const { headers } of taken) expect(headers.get('Surrogate-Key')!.length).toBeLessThanOrEqual(7_168)
  })

  test('Fastly purges softly on request, one URL, and everything', async () => {
    const soft = surrogatePurger({ service: 's1', token: 'secret', url, isSoft: true })
    await soft.purge(['a'])
    await soft.purgeUrl(`${url}/orders/o1`)
    await soft.purgeAll()
    expect(taken.map(({ method, path, headers }) => [method, path, headers.get('Fastly-Soft-Purge')])).toEqual([
      ['POST', '/service/s1/purge', '1'],
      ['PURGE', '/orders/o1', '1'],
      ['POST', '/service/s1/purge_all', null],
    ])
  })

  test('a purge has failed where Fastly refuses or is silent', async () => {
    answer = () => Response.json({ msg: 'Provided credentials are missing or invalid' }, { status: 401 })
    await expect(purger.purge(['a'])).rejects.toThrow('expected 2xx, found 401')
    await using silent = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Promise<Response>(() => {}) })
    const late = surrogatePurger({ service: 's1', token: 'secret', url: silent.url.origin, deadlineMs: 20 })
    await expect(late.purge(['a'])).rejects.toThrow('timed out')
    await silent.stop(true)
  })
})

describe('Varnish', () => {
  test('a purge is sent to each Varnish, and has failed where one of them refuses', async () => {
    const purger = varnishPurger({ url: [`${url}/one`, `${url}/two`] })
    await purger.purge(['a', 'b c'])
    expect(taken.map(({ method, path, headers }) => [method, path, headers.get('xkey-purge')]).sort()).toEqual([
      ['PURGE', '/one', 'a b%20c'],
      ['PURGE', '/two', 'a b%20c'],
    ])
    answer = () => new Response('Forbidden', { status: taken.at(-1)!.path === '/two' ? 403 : 200 })
    await expect(purger.purge(['a'])).rejects.toThrow('403')
  })
})
