// The command line as its callers see it: what it prints, and how it ends. Each test runs the marketplace as a process of its own.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until as becomes } from '../test-support/servers/until.ts'
import { freePort } from '../test-support/servers/free-port.ts'
import { migrations } from '../adapters/sqlite/migrations.ts'
import { testSchema } from '../test-support/schema.ts'
import { EXIT, EXIT_MEANINGS } from './exit-codes.ts'
import { usageOfVerb } from './usage.ts'
import { verbs } from './verbs.ts'

const ROOT = join(import.meta.dir, '../..')
const WAIT_MS = 300_000

let folder: string
const running = new Set<Bun.Subprocess>()
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'emaki-cli-'))
})
afterEach(async () => {
  for (const child of running) child.kill('SIGKILL')
  await Promise.all([...running].map(({ exited }) => exited))
  running.clear()
  rmSync(folder, { recursive: true })
})

type StartedServer = {
  readonly child: Bun.Subprocess<'ignore', 'pipe', 'pipe'>
  readonly said: () => string
  readonly until: (text: string | RegExp, many?: number) => Promise<string>
}

function start(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  command: readonly string[] = [join(ROOT, 'examples/marketplace/main.ts')],
): StartedServer {
  const child = Bun.spawn(['bun', ...command, ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', HOST: '127.0.0.1', PORT: '0', SQLITE_FILE: join(folder, 'log.db'), ...env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  running.add(child)
  let text = ''
  const read = async (stream: ReadableStream<Uint8Array>) => {
    for await (const chunk of stream) text += new TextDecoder().decode(chunk)
  }
  const ended = Promise.all([read(child.stdout), read(child.stderr)])
  const until = async (wanted: string | RegExp, many = 1) => {
    for (const deadline = performance.now() + WAIT_MS; performance.now() < deadline; await Bun.sleep(5)) {
      if (text.split(wanted).length > many) return text
    }
    throw new Error(`not said ${many} times within ${WAIT_MS} ms: ${wanted}; said: ${text}`)
  }
  void ended
  return { child, said: () => text, until }
}

async function ends(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number; said: string }> {
  const { child, said } = start(args, env)
  const code = await child.exited
  await Bun.sleep(0)
  return { code, said: said() }
}

const urlIn = (text: string) => /"url":"([^"]+)"/.exec(text)![1]!
const restock = (url: string, sku: string) =>
  fetch(new URL(`/inventory/${sku}/restock`, url), {
    method: 'POST',
    body: '{"qty":1}',
    headers: { 'Content-Type': 'application/json' },
  })

describe('the command line', () => {
  test('the command line ends with 78 and one table for a configuration that cannot be used', async () => {
    const { code, said } = await ends([], { PORT: 'eighty', LOG_LEVEL: 'loud' })
    expect(code).toBe(78)
    expect(said).toContain('The configuration cannot be used:')
    expect(said).toMatch(/PORT +eighty/)
    expect(said).toMatch(/LOG_LEVEL +loud/)
    expect(said).not.toContain('at ')
  })

  test('the command line ends with 64 and the usage for a verb or an option that does not exist', async () => {
    for (const args of [['frobnicate'], ['--frobnicate']]) {
      const { code, said } = await ends(args)
      expect([code, said.includes('usage: [verb] [options]')]).toEqual([64, true])
    }
    for (const args of [
      ['serve', 'twice'],
      ['serve', '--json'],
    ]) {
      const { code, said } = await ends(args)
      expect([code, said.includes('usage: serve [options]')]).toEqual([64, true])
    }
  })

  test('the command line says with --help what each verb takes, or one of them', async () => {
    const all = await ends(['--help'])
    expect(all.code).toBe(0)
    for (const [name, { does }] of Object.entries(verbs)) {
      expect(all.said).toContain(does)
      expect(usageOfVerb(name, verbs[name]!)).toStartWith(`usage: ${name}`)
    }
    for (const [name, code] of Object.entries(EXIT))
      expect(all.said).toMatch(new RegExp(`\\n +${code} +${EXIT_MEANINGS[name as keyof typeof EXIT]}`))
    const { code, said } = await ends(['export', '--help'])
    expect(code).toBe(0)
    expect(said).toMatch(/^usage: export \[FILE\] \[options\]\n\nexport the log/)
    expect(said).toMatch(/\n {2}--format F {4}jsonl/)
  })

  test('the command line prints the configuration with secrets masked', async () => {
    const { code, said } = await ends(['--print-config'], {
      DATABASE_URL: 'postgres://user:hidden@db/orders',
      ADMIN_TOKEN: 'hidden-hidden-hidden',
    })
    expect(code).toBe(0)
    expect(said).toContain('DATABASE_URL=postgres://user:***@db/orders')
    expect(said).toContain('ADMIN_TOKEN=***')
    expect(said).not.toContain('hidden')
  })

  test('the command line ends with 69 and one line where the database does not answer', async () => {
    const { code, said } = await ends([], { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' })
    expect(code).toBe(69)
    expect(JSON.parse(said)).toMatchObject({ code: 'verb-failed', body: expect.stringContaining('ECONNREFUSED') })
  })

  test('the command line ends with 1 and one record for an error that nobody caught', async () => {
    const source = join(folder, 'main.ts')
    writeFileSync(
      source,
      `import { app } from '${join(ROOT, 'routes/index.ts')}'
       import { main } from '${join(ROOT, 'src/cli/index.ts')}'
       const web = app({ serve: [] })
       web.get('/stray', c => {
         void Promise.reject(new Error('gone astray'))
         return c.text('sent')
       })
       await main(web)`,
    )
    const { child, said, until } = start([], {}, [source])
    const url = urlIn(await until('"url"'))
    await fetch(new URL('/stray', url)).catch(() => {})
    expect(await child.exited).toBe(1)
    const [record, ...more] = said()
      .split('\n')
      .filter(line => line.includes('astray'))
    expect([JSON.parse(record!), more]).toMatchObject([{ code: 'error-not-caught', error: { message: 'gone astray' } }, []])
  })

  test('the command line ends with 1 and one record for an app that fails as it starts', async () => {
    const source = join(folder, 'main.ts')
    writeFileSync(
      source,
      `import { app } from '${join(ROOT, 'routes/index.ts')}'
       import { main } from '${join(ROOT, 'src/cli/index.ts')}'
       await main(app({ serve: [], cache: () => { throw new Error('no cache') } }))`,
    )
    const { child, said } = start([], {}, [source])
    expect(await child.exited).toBe(1)
    await Bun.sleep(0)
    expect(JSON.parse(said())).toMatchObject({ code: 'verb-failed', verb: 'serve', error: { message: 'no cache' } })
  })

  test('the command line migrates and says what ran, once', async () => {
    expect(await ends(['migrate'])).toMatchObject({ code: 0, said: migrations.map(({ name }) => `ran ${name}\n`).join('') })
    expect(await ends(['migrate'])).toMatchObject({ code: 0, said: 'nothing to do\n' })
    expect(await ends(['migrate', '--json'])).toMatchObject({ code: 0, said: '{"ran":[]}\n' })
  })

  test('the command line refuses workers without PostgreSQL, without a port and in a number that makes no sense', async () => {
    expect(await ends(['--workers', '2'])).toMatchObject({ code: 64, said: '--workers needs PostgreSQL: set DATABASE_URL\n' })
    expect(await ends(['--workers', '2'], { DATABASE_URL: 'postgres://x@127.0.0.1:1/x' })).toMatchObject({
      code: 64,
      said: '--workers needs a PORT\n',
    })
    expect(await ends(['--workers', 'many'])).toMatchObject({ code: 64 })
  })

  test('the command line asks a server whether it lives', async () => {
    const port = String(freePort())
    expect((await ends(['health'], { PORT: port })).code).toBe(1)
    await start([], { PORT: port }).until('serving on')
    expect((await ends(['health'], { PORT: port })).code).toBe(0)
  })
})

/** An app with a handler that never ends. */
const stuckApp = `import { z } from 'zod'
import { app } from '${ROOT}/routes/index.ts'
import { main } from '${ROOT}/src/cli/index.ts'
import { decider, events, processor } from '${ROOT}/src/index.ts'
const Mail = events('mail', { Queued: z.object({}) })
const commands = { queue: z.object({}) }
const mail = decider(Mail, { initial: {}, evolve: { Queued: s => s }, commands, decide: { queue: () => Mail.Queued({}) } })
const handle = () => (console.log('it is stuck'), new Promise(() => {}))
await main(app({ serve: [mail, processor('stuck', { from: Mail, handle })] }))
`

describe('serve', () => {
  test('serve ends with 0 on SIGTERM, and what it answered is in the log', async () => {
    const { child, until, said } = start([])
    const url = urlIn(await until('"url"'))
    expect((await restock(url, 'a')).status).toBe(201)
    child.kill('SIGTERM')
    expect(await child.exited).toBe(0)
    expect(said()).toContain('stopped')
    const again = start([])
    expect(await (await fetch(new URL('/inventory/a', urlIn(await again.until('"url"'))))).json()).toEqual({ free: 1, held: {} })
  })

  test('serve ends with 0 on SIGTERM though a handler takes no signal, and names its event', async () => {
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
    writeFileSync(join(folder, 'stuck.ts'), stuckApp)
    const { child, until, said } = start([], { SHUTDOWN_GRACE_MS: '1' }, [join(folder, 'stuck.ts')])
    const url = urlIn(await until('"url"'))
    await fetch(new URL('/mail/m1/queue', url), { method: 'POST', headers: { Connection: 'close' } })
    await until('it is stuck')
    child.kill('SIGTERM')
    expect(await child.exited).toBe(0)
    expect(said()).toContain('stuck did not end the event at 1 of \\"mail-m1\\" in time')
  })

  test('serve is not ready while it drains, goes on serving, and ends at once on a second signal', async () => {
    const { child, until } = start([], { SHUTDOWN_DELAY_MS: '30000' })
    const url = urlIn(await until('"url"'))
    expect((await fetch(new URL('/ready', url))).status).toBe(200)
    child.kill('SIGTERM')
    await until('stopping on SIGTERM')
    expect((await fetch(new URL('/ready', url))).status).toBe(503)
    expect((await restock(url, 'b')).status).toBe(201)
    child.kill('SIGTERM')
    expect(await child.exited).toBe(143)
  })

  test('serve disconnects followers of events before it ends, and waits for none of them', async () => {
    const { child, until, said } = start([])
    await until('serving on')
    const url = /"url":"(http:[^"]+?)\/?"/.exec(said())![1]!
    const stream = fetch(`${url}/events`).then(response => response.text())
    const socket = new WebSocket(`${url.replace('http', 'ws')}/events`, 'cloudevents.json')
    const closed = new Promise<number>(resolve => {
      socket.onclose = ({ code }) => resolve(code)
    })
    await new Promise(resolve => {
      socket.onopen = resolve
    })
    const deposited = await fetch(`${url}/inventory/apple/restock`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{"qty":1}',
    })
    expect(deposited.status).toBe(201)
    child.kill('SIGTERM')
    expect(await closed).toBe(1012)
    expect(await stream).toMatch(/^retry: 2000\nid: 0\n\nid: 1\nevent: inventory\.\w+\ndata: .*\n\nretry: \d+\nid: 1\n\n$/)
    expect(await child.exited).toBe(0)
  })

  test('serve refuses a file that another process serves, naming it', async () => {
    await start([]).until('serving on')
    const second = await ends([])
    expect(second.code).toBe(69)
    expect(second.said).toContain('already served by another process')
  })

  test('serve shares a port between workers, starts another for one that died, and ends when all have', async () => {
    const at = await testSchema()
    try {
      const port = String(freePort())
      const { child, until } = start(['--workers', '2'], { PORT: port, DATABASE_URL: at.url, DATABASE_SCHEMA: at.schema })
      const said = await until('serving on', 2)
      const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => restock(`http://127.0.0.1:${port}`, `sku${i % 4}`)))
      expect(answers.map(({ ok }) => ok)).toEqual(Array(20).fill(true))
      process.kill(Number(/"pid":(\d+)/.exec(said)![1]), 'SIGKILL')
      await until('serving on', 3)
      child.kill('SIGTERM')
      expect(await child.exited).toBe(0)
    } finally {
      await at.drop()
    }
  })
})

test('a file whose default export is an app serves it, streams and WebSockets included', async () => {
  const port = freePort()
  const { until } = start([], { PORT: String(port) }, [join(ROOT, 'examples/marketplace/app.ts')])
  await until('Started')
  const url = `127.0.0.1:${port}/events`
  const socket = new WebSocket(`ws://${url}`, 'cloudevents.json')
  const said = new Promise(resolve => {
    socket.onmessage = ({ data }) => resolve(data)
  })
  socket.onopen = () => socket.send('{"type":"subscribe"}')
  expect(await said).toBe('{"type":"position","id":"0"}')
  const response = await fetch(`http://${url}`)
  const { value } = await response.body!.getReader().read()
  expect(new TextDecoder().decode(value)).toBe('retry: 2000\nid: 0\n\n')
  socket.close()
})

test('a worker that ends by itself is started again, later each time, which is reported once', async () => {
  const env = { PORT: String(freePort()), DATABASE_URL: 'postgres://x@127.0.0.1:1/x' }
  const { child, until } = start(['--workers', '1'], env)
  const said = await until('"verb-failed"', 3)
  expect(said.split('worker 0 ended by itself: exit code 69').length).toBe(2)
  child.kill('SIGTERM')
  expect(await child.exited).toBe(0)
})

test('workers end when the process that started them was killed', async () => {
  const at = await testSchema()
  try {
    const { child, until } = start(['--workers', '2'], {
      PORT: String(freePort()),
      DATABASE_URL: at.url,
      DATABASE_SCHEMA: at.schema,
    })
    const pids = [...(await until('serving on', 2)).matchAll(/"pid":(\d+)/g)].map(([, pid]) => Number(pid))
    child.kill('SIGKILL')
    await becomes('both workers have ended', () => pids.every(pid => !existsSync(`/proc/${pid}`)))
  } finally {
    await at.drop()
  }
})

describe('bun --hot', () => {
  test('bun --hot serves a changed source on the same port, keeps the log, and waits where a change does not work', async () => {
    const copy = join(folder, 'marketplace')
    cpSync(join(ROOT, 'examples/marketplace'), copy, { recursive: true, filter: path => !path.endsWith('.test.ts') })
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ extends: join(ROOT, 'tsconfig.json') }))
    const { until, child } = start([], {}, ['--hot', join(copy, 'main.ts')])
    const url = urlIn(await until('"url"'))
    await restock(url, 'a')
    const file = join(copy, 'inventory.ts')
    const source = readFileSync(file, 'utf8')
    const reserve = () =>
      fetch(new URL('/inventory/a/reserve', url), {
        method: 'POST',
        body: '{"order":"o","qty":9}',
        headers: { 'Content-Type': 'application/json' },
      })
    writeFileSync(file, source.replace("'out-of-stock'", "'sold-out'"))
    await until('reloaded')
    expect(await (await reserve()).json()).toMatchObject({ code: 'sold-out', data: { free: 1, wanted: 9 } })
    writeFileSync(file, `${source}\nthis is no source (`)
    await until('error:')
    expect(await (await reserve()).json()).toMatchObject({ code: 'sold-out' })
    writeFileSync(file, source)
    await until('reloaded', 2)
    expect(await (await reserve()).json()).toMatchObject({ code: 'out-of-stock' })
    child.kill('SIGTERM')
    expect(await child.exited).toBe(0)
    expect(existsSync(join(folder, 'log.db'))).toBe(true)
  })
})
