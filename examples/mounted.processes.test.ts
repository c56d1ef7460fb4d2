// An app that another one mounts, as a server of its own: its links, its streams and its verbs.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { type ServedProcess, serveProcess } from '../src/test-support/served-process.ts'

const command = [process.execPath, join(import.meta.dir, 'mounted.ts')]
const folder = mkdtempSync(join(tmpdir(), 'emaki-mounted-'))
const env = { SQLITE_FILE: join(folder, 'log.db') }
let served: ServedProcess
beforeAll(async () => {
  served = await serveProcess(command, env)
})
afterAll(async () => {
  await served.stop()
  rmSync(folder, { recursive: true })
})

const place = (id: string, headers: Readonly<Record<string, string>> = {}) =>
  fetch(`${served.url}/shop/order/${id}/place`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify({ customerId: 'c1', items: [{ sku: 'a', qty: 1, price: 100 }] }),
  })

test('an app below /shop serves beside the pages of the app that mounts it, with links that lead to itself', async () => {
  expect(await (await fetch(served.url)).text()).toBe('Welcome')
  const scheduled = await place('o1', { Prefer: 'respond-async' })
  expect(scheduled.headers.get('location')).toStartWith('/shop/commands/')
  expect((await fetch(new URL(scheduled.headers.get('location')!, served.url))).status).toBe(200)
  const refused = (await (await fetch(`${served.url}/shop/nothing`)).json()) as { readonly type: string }
  expect(refused.type).toBe('/shop/problems/not-found')
  expect((await fetch(new URL(refused.type, served.url))).status).toBe(200)
  expect((await fetch(`${served.url}/nothing`)).headers.get('content-type')).toStartWith('text/plain')
})

test('an app below /shop streams its events there', async () => {
  const response = await fetch(`${served.url}/shop/events?after=0`)
  const reader = response.body!.getReader()
  expect((await place('o2')).status).toBe(201)
  let said = ''
  while (!said.includes('"subject":"order-o2"')) said += new TextDecoder().decode((await reader.read()).value)
  await reader.cancel()
})

test('an app below /shop has a WebSocket there, whose problems lead to it', async () => {
  const socket = new WebSocket(`${served.url.replace('http', 'ws')}/shop/events`, 'cloudevents.json')
  const said = new Promise<string>((resolve, reject) => {
    socket.onmessage = ({ data }) => resolve(String(data))
    socket.onerror = () => reject(new Error('no WebSocket'))
  })
  socket.onopen = () => socket.send('{"type":"subscribe","after":"none"}')
  expect(JSON.parse(await said)).toMatchObject({
    problem: { type: '/shop/problems/validation-failed', instance: '/shop/events' },
  })
  socket.close()
})

test('emaki --app takes a file whose default export mounts an app, and refuses one that mounts none', async () => {
  const root = join(import.meta.dir, '..')
  const run = async (site: string) => {
    const file = join(folder, `${Bun.randomUUIDv7()}.ts`)
    const imports = `import { Hono } from '${root}/node_modules/hono'\nimport { app } from '${root}/routes/index.ts'\n`
    await Bun.write(file, `${imports}export default ${site}\n`)
    const verb = [process.execPath, join(root, 'src/cli/bin.ts'), '--app', file, 'streams']
    const child = Bun.spawn(verb, { env: { PATH: process.env['PATH'] ?? '', ...env }, stderr: 'pipe' })
    return [await child.exited, await new Response(child.stderr).text()]
  }
  expect(await run("new Hono().route('/shop', app({ serve: [] }))")).toEqual([0, ''])
  expect(await run('new Hono()')).toEqual([64, expect.stringContaining('mounts no app({ serve })')])
  expect(await run('{ fetch: () => {} }')).toEqual([64, expect.stringContaining('has no default export that is app({ serve })')])
})

test('the verb health asks an app below /shop there', async () => {
  const PORT = new URL(served.url).port
  const verb = Bun.spawn([...command, 'health'], { env: { PATH: process.env['PATH'] ?? '', ...env, PORT }, stderr: 'pipe' })
  expect([await verb.exited, await new Response(verb.stderr).text()]).toEqual([0, ''])
})
