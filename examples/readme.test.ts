// What the README says is true: its code is a file that runs, its commands exist, its links lead somewhere.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ServedProcess, serveProcess } from '../src/testing/served-process.ts'

const ROOT = join(import.meta.dir, '..')
const readme = await Bun.file(join(ROOT, 'README.md')).text()
const { scripts } = (await Bun.file(join(ROOT, 'package.json')).json()) as { scripts: Record<string, string> }

describe('the README', () => {
  test('shows examples/account.ts as it is, in forty lines or fewer', async () => {
    const code = await Bun.file(join(ROOT, 'examples/account.ts')).text()
    expect(readme).toContain(`\`\`\`ts\n${code}\`\`\``)
    expect(code.trimEnd().split('\n').length).toBeLessThanOrEqual(40)
  })

  test('shows examples/relays.ts as it is', async () => {
    const [, shown] = /^## Relays$.*?```ts\n(.*?)```/ms.exec(readme)!
    expect(await Bun.file(join(ROOT, 'examples/relays.ts')).text()).toContain(shown!)
  })

  test('names only scripts that exist', () => {
    const named = [...readme.matchAll(/\bbun(?:@[\d.]+)? run ([\w:]+)/g)].map(([, name]) => name!)
    expect(named.filter(name => !(name in scripts))).toEqual([])
    expect(named).toContain('test')
  })

  test('names only files that exist', () => {
    const named = [...readme.matchAll(/\]\(([\w./-]+)\)|`((?:src|routes|examples|bench|migrations)\/[\w./-]+)`/g)].map(
      ([, link, path]) => (link ?? path)!,
    )
    expect(named.filter(path => !existsSync(join(ROOT, path)))).toEqual([])
  })
})

describe('the marketplace', () => {
  const folder = mkdtempSync(join(tmpdir(), 'emaki-readme-'))
  let served: ServedProcess
  beforeAll(async () => {
    served = await serveProcess([process.execPath, join(ROOT, 'examples/marketplace/main.ts')], {
      SQLITE_FILE: join(folder, 'log.db'),
    })
  })
  afterAll(async () => {
    await served.stop()
    rmSync(folder, { recursive: true })
  })

  test('answers each curl as the README says', async () => {
    const text = readme.slice(0, readme.indexOf('## Forty lines')).replaceAll(/ \\\n +/g, ' ')
    const said = [...text.matchAll(/^curl (.+)\n(?:# (?:(\d{3}) )?(\{.+))?/gm)]
    expect(said.length).toBeGreaterThanOrEqual(11)
    for (const [, command, status, body] of said) {
      const answer = await curl(command!)
      expect([command, status ? answer.status === Number(status) : answer.status < 300]).toEqual([command, true])
      for (const part of body?.split(' … ') ?? []) expect(answer.text).toContain(part.replace(/, …\}$/, ''))
    }
  })

  test('shows a projection as it is', async () => {
    const [, shown] = /^## What is shown$.*?```ts\n(.*?)```/ms.exec(readme)!
    expect(await Bun.file(join(ROOT, 'examples/marketplace/views.ts')).text()).toContain(shown!)
  })

  test('shows a process as it is', async () => {
    const [, shown] = /^## What follows from what$.*?```ts\n(.*?)```/ms.exec(readme)!
    expect(await Bun.file(join(ROOT, 'examples/marketplace/fulfilment.ts')).text()).toContain(shown!)
  })

  /** What the shell and curl make of a line, as far as the README needs it. What is read includes all that was written. */
  async function curl(line: string): Promise<{ readonly status: number; readonly text: string }> {
    const words = [...line.replace(/ +# .*$/, '').matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare!)
    const after = (flag: string) => words.flatMap((word, i) => (word === flag ? [words[i + 1]!] : []))
    const url = words.find(word => word.startsWith('localhost:3000'))!.replace('localhost:3000', served.url)
    const headers = new Headers(after('-H').map(header => header.split(': ') as [string, string]))
    if (after('-X').length === 0 && !headers.has('Min-Position')) headers.set('Min-Position', '11')
    const [body] = after('-d')
    const ask = () => fetch(url, { method: after('-X')[0] ?? 'GET', headers, ...(body && { body }) })
    let answer = await ask()
    // What follows from an order is not there at once.
    const isEarly = () => answer.status === 409 && headers.get('Min-Position') === '11'
    for (let tries = 0; isEarly() && tries < 500; tries++) {
      await Bun.sleep(10)
      answer = await ask()
    }
    return { status: answer.status, text: await answer.text() }
  }
})

describe('examples/account.ts', () => {
  const folder = mkdtempSync(join(tmpdir(), 'emaki-account-'))
  let server: Bun.Subprocess<'ignore', 'pipe', 'inherit'>
  let url: string

  async function start(): Promise<void> {
    const env = { ...process.env, PORT: '0', HOST: '127.0.0.1', SQLITE_FILE: join(folder, 'account.db'), DATABASE_URL: '' }
    server = Bun.spawn(['bun', join(ROOT, 'examples/account.ts')], { env, stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' })
    for await (const chunk of server.stdout) {
      const found = /"url":"([^"]+)"/.exec(new TextDecoder().decode(chunk))
      if (found) {
        url = found[1]!
        return
      }
    }
    throw new Error('the example ended before it served')
  }

  const post = async (path: string, body: object) => {
    const answer = await fetch(new URL(path, url), {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'Content-Type': 'application/json' },
    })
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
  }

  beforeAll(start)
  afterAll(async () => {
    server.kill('SIGKILL')
    await server.exited
    rmSync(folder, { recursive: true })
  })

  test('answers as the README says', async () => {
    const opened = await post('/account/a1/open', { owner: 'Ada' })
    expect(opened.status).toBe(201)
    expect(readme).toContain(JSON.stringify(opened.body))
    const refused = await post('/account/a1/withdraw', { cents: 500 })
    expect(refused).toMatchObject({
      status: 422,
      body: { type: '/problems/command-rejected', code: 'not-enough', data: { cents: 0 } },
    })
  })

  test('has what it answered after kill -9', async () => {
    await post('/account/a2/open', { owner: 'Grace' })
    await post('/account/a2/deposit', { cents: 700 })
    server.kill('SIGKILL')
    await server.exited
    await start()
    expect(await (await fetch(new URL('/account/a2', url))).json()).toEqual({ owner: 'Grace', cents: 700 })
  })
})
