import { expect, test } from 'bun:test'
import { docs } from './docs.ts'

const installed = docs('Fruit & <Vegetables>')
const missing = docs('Fruit & <Vegetables>', async () => null)

test('GET /docs loads one script from its own origin, and its policy permits nothing else', async () => {
  const page = await installed.request('/docs')
  const text = await page.text()
  expect(text.match(/(src|href)="[^"]*"/g)).toEqual(['href="data:,"', expect.stringMatching(/^src="docs\/scalar\.js\?\w+"$/)])
  expect(text).toContain('<title>Fruit &amp; &lt;Vegetables&gt;</title>')
  const policy = page.headers.get('Content-Security-Policy')!
  expect(policy).toContain("script-src 'self';")
  expect(policy).not.toMatch(/unsafe-eval|https?:|\*/)
})

test('GET of the script of /docs may be cached for ever, and answers 304 to its tag', async () => {
  const [path] = /docs\/scalar\.js\?\w+/.exec(await (await installed.request('/docs')).text())!
  const first = await installed.request(`/${path}`)
  expect(first.headers.get('Content-Type')).toBe('text/javascript; charset=utf-8')
  expect(first.headers.get('Cache-Control')).toBe('public, max-age=31536000, immutable')
  const tag = first.headers.get('ETag')!
  expect(path).toEndWith(tag.replaceAll('"', ''))
  const again = await installed.request(`/${path}`, { headers: { 'If-None-Match': tag, 'Accept-Encoding': 'gzip' } })
  expect([again.status, await again.text()]).toEqual([304, ''])
})

test('GET of the script of /docs is compressed for a client that accepts it', async () => {
  const plain = await (await installed.request('/docs/scalar.js')).bytes()
  const response = await installed.request('/docs/scalar.js', { headers: { 'Accept-Encoding': 'gzip' } })
  expect(response.headers.get('Content-Encoding')).toBe('gzip')
  const packed = new Uint8Array(await response.arrayBuffer())
  expect(packed.length).toBeLessThan(plain.length / 3)
  expect(Bun.hash(Bun.gunzipSync(packed))).toBe(Bun.hash(plain))
})

test('GET of the script of /docs compresses it once, however many clients ask for it, and again after a failure', async () => {
  const packed: number[] = []
  const web = docs(
    'Fruit',
    async () => import.meta.path,
    async bytes => {
      packed.push(bytes.length)
      if (packed.length === 1) throw new Error('no memory')
      return Bun.gzipSync(bytes as Uint8Array<ArrayBuffer>)
    },
  )
  web.onError(() => new Response(null, { status: 500 }))
  const ask = () => web.request('/docs/scalar.js', { headers: { 'Accept-Encoding': 'br, gzip;q=0.5' } })
  const first = await Promise.all([ask(), ask()])
  expect([first.map(({ status }) => status), packed.length]).toEqual([[500, 500], 1])
  for (const { status, headers } of await Promise.all([ask(), ask(), ask()]))
    expect([status, headers.get('Content-Encoding'), headers.get('Vary')]).toEqual([200, 'gzip', 'Accept-Encoding'])
  expect(packed).toHaveLength(2)
})

test.each(['identity', 'gzip;q=0', 'br', 'xgzip', 'gzip; q=0.000, br'])(
  'GET of the script of /docs is not compressed for a client that accepts %s',
  async accepted => {
    const { headers } = await installed.request('/docs/scalar.js', { headers: { 'Accept-Encoding': accepted } })
    expect([headers.get('Content-Encoding'), headers.get('Vary')]).toEqual([null, 'Accept-Encoding'])
  },
)

test('GET /docs without Scalar says what to install, and links to the document', async () => {
  const page = await missing.request('/docs')
  const text = await page.text()
  expect([page.status, page.headers.get('Content-Security-Policy')]).toEqual([200, expect.stringContaining("'self'")])
  expect(text).toContain('bun add @scalar/api-reference')
  expect(text).toContain('<a href="openapi.json">')
  expect(text).not.toContain('<script')
  expect((await missing.request('/docs/scalar.js')).status).toBe(404)
})
