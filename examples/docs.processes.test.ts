// The commands of the pages, as they stand there: verbs beside the marketplace, and the programs of the examples.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ServedProcess, serveProcess } from '../src/test-support/served-process.ts'
import { until } from '../src/test-support/servers/until.ts'
import { VERBS } from './testing/commands.ts'
import { curl } from './testing/curl.ts'
import { blocksOf, curlsOf, ROOT, readPages } from './testing/pages.ts'

const PRINT_TIMEOUT_MS = 30_000
const BENCH_TIMEOUT_MS = 90_000

const pages = await readPages()
const page = (path: string) => pages.find(page => page.path === path)!
const folder = mkdtempSync(join(tmpdir(), 'emaki-docs-'))
afterAll(() => rmSync(folder, { recursive: true }))

type Ended = { readonly code: number; readonly printed: string }

/** Runs a command of a page in a folder that has the examples, until it ends, or until it has printed something. */
async function run(command: string, env: Readonly<Record<string, string>>, printed?: RegExp): Promise<Ended> {
  const [program, ...words] = command.split(' ')
  const inRoot = words.map(word => (/^(examples|bench)\//.test(word) ? join(ROOT, word) : word))
  const child = Bun.spawn([program === 'bun' ? process.execPath : program!, ...inRoot], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  let text = ''
  const read = async (stream: ReadableStream<Uint8Array>) => {
    for await (const chunk of stream) text += new TextDecoder().decode(chunk)
  }
  const ended = Promise.all([read(child.stdout), read(child.stderr), child.exited])
  if (printed) {
    await until(`${command} prints ${printed}`, () => printed.test(text), PRINT_TIMEOUT_MS)
    child.kill('SIGINT')
  }
  await ended
  return { code: child.exitCode!, printed: text }
}

describe('verbs beside the marketplace', () => {
  const env = { SQLITE_FILE: join(folder, 'marketplace.db') }
  let served: ServedProcess
  beforeAll(async () => {
    // As the README's first command ends, without its npx: with this Bun, and with what is installed.
    served = await serveProcess([process.execPath, `--cwd=${ROOT}`, 'run', 'start'], env)
    for (const { line } of curlsOf(page('README.md')).filter(({ line }) => !line.includes('/account/')))
      await curl(line, served.url)
    await curl(`localhost:3000/orders/o1 -H 'Min-Position: 11'`, served.url, 11)
  })
  afterAll(async () => {
    await served.stop()
  })

  for (const [verb, printed] of Object.entries(VERBS))
    test(`the verb ${verb} exits with 0, and prints ${printed}`, async () => {
      const command = verb.replace('…', 'bun examples/marketplace/main.ts')
      const ended = await run(
        command,
        { ...env, PORT: new URL(served.url).port },
        verb.includes('--follow') ? printed : undefined,
      )
      expect(ended).toEqual({ code: 0, printed: expect.stringMatching(printed) })
    })

  test('bun examples/changed-process.ts prints what docs/changes.md shows', async () => {
    const { code, printed } = await run('bun examples/changed-process.ts', {})
    const shown = blocksOf(page('docs/changes.md')).find(({ language }) => language === 'text')!
    const unplaced = (text: string) => text.replaceAll(/ at \d+,/g, ' at …,')
    expect([code, unplaced(printed)]).toEqual([0, unplaced(shown.code)])
  })
})

describe('the sample of fines', () => {
  const env = { SQLITE_FILE: join(folder, 'fines.db') }

  test('fines/main.ts imports the sample and serves its rows as docs/importing.md says', async () => {
    const imported = await run('bun examples/fines/main.ts import examples/fines/sample.csv --map fines', env)
    expect(imported).toEqual({ code: 0, printed: expect.stringContaining('imported') })
    const served = await serveProcess([process.execPath, join(ROOT, 'examples/fines/main.ts')], env)
    const [{ line } = { line: '' }] = curlsOf(page('docs/importing.md'))
    const totals = async () => JSON.parse((await curl(line, served.url)).text) as object
    expect(await totals()).toBeObject()
    expect(await served.stop()).toBe(0)
  })

  test('fines/main.ts imports a file of the working folder: … import fines.csv --map fines', async () => {
    cpSync(join(ROOT, 'examples/fines/sample.csv'), join(folder, 'fines.csv'))
    const beside = { SQLITE_FILE: join(folder, 'beside.db') }
    expect(await run('bun examples/fines/main.ts import fines.csv --map fines', beside)).toMatchObject({ code: 0 })
  })
})

test('bun examples/without-http.ts prints accepted', async () => {
  expect(await run('bun examples/without-http.ts', {})).toEqual({ code: 0, printed: 'accepted\n' })
})

test(
  'bun --cpu-prof bench/profile.ts W2 prints a rate, here of one second',
  async () => {
    const ended = await run('bun --cpu-prof bench/profile.ts W2 1', {})
    expect(ended).toEqual({ code: 0, printed: expect.stringMatching(/^W2: .* a second/m) })
  },
  BENCH_TIMEOUT_MS,
)
