// The page in a real browser that reaches nothing but this machine, served from source and by a compiled binary.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const chromium = Bun.which('chromium') ?? Bun.which('chromium-browser') ?? Bun.which('google-chrome')
if (!chromium) console.warn('The page is not tried in a browser, as there is none: apt-get install chromium')

const main = join(import.meta.dir, '../../examples/marketplace/main.ts')
const folder = mkdtempSync(join(tmpdir(), 'emaki-docs-'))
const binary = join(folder, 'marketplace')

afterAll(() => {
  Bun.WebView.closeAll()
  rmSync(folder, { recursive: true })
})

describe.skipIf(!chromium)('the page of the documentation', () => {
  beforeAll(() => {
    const { success, stderr } = Bun.spawnSync([process.execPath, 'build', '--compile', '--outfile', binary, main])
    if (!success) throw new Error(stderr.toString())
  })

  test.each([
    ['source', [process.execPath, main]],
    ['a compiled binary', [binary]],
  ])('GET /docs shows every operation of the marketplace, from %s, and loads nothing from elsewhere', async (_, command) => {
    await using server = await startServer(command)
    using page = await openPage(`${server.url}/docs`)
    const { paths } = (await (await fetch(`${server.url}/openapi.json`)).json()) as { paths: object }
    await awaitTexts(page.view, Object.keys(paths))
    await page.view.evaluate('document.fonts.ready.then(() => null)')
    const own = ['/docs', '/docs/scalar.js', '/openapi.json'].map(path => server.url + path)
    expect(page.requested.map(url => url.replace(/\?\w+$/, ''))).toEqual(own)
    // What leaves would have been seen, although the policy of the page refuses it.
    await page.view.evaluate(`fetch('https://example.com/elsewhere').catch(() => null)`)
    expect(page.requested.at(-1)).toBe('https://example.com/elsewhere')
  })

  test('GET /docs sends the request that a reader tries', async () => {
    await using server = await startServer([process.execPath, main])
    using page = await openPage(`${server.url}/docs#tag/health/GET/health`)
    await awaitTexts(page.view, ['Whether the process answers'])
    await press(page.view, 'Test Request', '[id$="tag/health/GET/health"]')
    await press(page.view, 'Send')
    await awaitTexts(page.view, ['200 OK'])
    expect(page.requested.at(-1)).toBe(`${server.url}/health`)
  })
})

type RunningServer = AsyncDisposable & { readonly url: string }

/** A server of its own log, on a free port of the loopback address. */
async function startServer(command: readonly string[]): Promise<RunningServer> {
  const SQLITE_FILE = join(folder, `${crypto.randomUUID()}.db`)
  const environment = { PATH: process.env['PATH'], HOST: '127.0.0.1', PORT: '0', SQLITE_FILE }
  const child = Bun.spawn([...command], { cwd: folder, env: environment, stdout: 'pipe', stderr: 'inherit' })
  const stop = async () => {
    child.kill('SIGKILL')
    await child.exited
  }
  for await (const chunk of child.stdout) {
    const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(new TextDecoder().decode(chunk)) ?? []
    if (url) return { url, [Symbol.asyncDispose]: stop }
  }
  throw new Error(`${command.join(' ')} ended before it served`)
}

/** What Chromium tells of a request, and of one that the policy of a page refused. */
type CdpEvent = {
  readonly request?: { readonly url: string }
  readonly issue?: { readonly details: { readonly contentSecurityPolicyIssueDetails?: { readonly blockedURL?: string } } }
}
type OpenPage = Disposable & { readonly view: Bun.WebView; readonly requested: readonly string[] }

/** A page in a browser for which only this machine has an address. `asked`: what it asked for, whether or not it was allowed to. */
async function openPage(url: string): Promise<OpenPage> {
  const argv = ['--no-sandbox', '--disable-quic', '--disable-component-update', '--disable-sync', ONLY_LOOPBACK]
  const view = new Bun.WebView({ width: 1_440, height: 1_000, backend: { type: 'chrome', path: chromium!, argv } })
  await view.navigate('about:blank')
  await view.cdp('Network.enable')
  await view.cdp('Audits.enable')
  const requested: string[] = []
  const recordUrls = (event: string, urlOf: (data: CdpEvent) => string | undefined) =>
    view.addEventListener(event, message => {
      const url = urlOf((message as MessageEvent<CdpEvent>).data)
      if (url && !/^(data|blob):/.test(url)) requested.push(url)
    })
  recordUrls('Network.requestWillBeSent', ({ request }) => request?.url)
  recordUrls('Audits.issueAdded', ({ issue }) => issue?.details.contentSecurityPolicyIssueDetails?.blockedURL)
  await view.navigate(url)
  return { view, requested, [Symbol.dispose]: () => view.close() }
}
const ONLY_LOOPBACK = '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'

/** Waits until the page has all these texts. */
async function awaitTexts(view: Bun.WebView, texts: readonly string[]): Promise<void> {
  await awaitCondition(view, `${JSON.stringify(texts)}.every(text => document.body.innerText.includes(text))`)
}

/** Waits for a button within `part` of the page, and presses it. */
async function press(view: Bun.WebView, label: string, part = 'body'): Promise<void> {
  const found = `[...document.querySelectorAll('${part} button')].find(one => one.innerText.includes('${label}'))`
  await awaitCondition(view, found)
  await view.evaluate(`${found}.click()`)
}

async function awaitCondition(view: Bun.WebView, condition: string): Promise<void> {
  await view.evaluate(`new Promise(resolve => {
    const look = () => (${condition}) ? resolve() : setTimeout(look, 20)
    look()
  })`)
}
