// `emaki compare` as a process: its exit codes, a real busy wait, and what is left after Ctrl-C.
import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '../test-support/servers/until.ts'
import { git } from '../testing/speed/git.ts'

const ROOT = join(import.meta.dir, '../..')
const temporary = realpathSync(mkdtempSync(join(tmpdir(), 'emaki-compare-verb-')))
afterAll(() => rmSync(temporary, { recursive: true }))

const PLACE = join(ROOT, 'examples')

function start(cwd: string, ...words: readonly string[]) {
  const env = { ...process.env, TMPDIR: temporary }
  return Bun.spawn([process.execPath, join(ROOT, 'src/cli/bin.ts'), 'compare', ...words], {
    ...{ cwd, env, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
  })
}

async function run(cwd: string, ...words: readonly string[]) {
  const child = start(cwd, ...words)
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { out, err, code }
}

function makeRepository(bench: string): string {
  const folder = mkdtempSync(join(temporary, 'repository-'))
  writeFileSync(join(folder, 'bench.ts'), bench)
  git(folder, 'init', '--quiet')
  git(folder, 'add', '.')
  git(folder, '-c', 'user.name=Ann', '-c', 'user.email=ann@example.com', 'commit', '--quiet', '-m', 'A bench')
  return folder
}

const rate = (value: number) => `export default () => ({ perSecond: ${value} })`
const left = () => readdirSync(temporary).filter(name => name.startsWith('emaki-compare-'))

test('the bench of the pages is compared with itself, and is not called slower', async () => {
  const { out, code } = await run(PLACE, '.', '.', '--bench', 'place-bench.ts', '--pairs', '10', '--json')
  expect([0, 75]).toContain(code)
  expect(JSON.parse(out)).toMatchObject({ unit: 'ms', bench: 'place-bench.ts', pairs: 10 })
})

test('a ref is compared with the folder: exit code 1 for slower, 0 for faster and the same, and no worktree is left', async () => {
  const folder = makeRepository(rate(100))
  const compared = () => run(folder, 'git:HEAD', '.', '--bench', 'bench.ts', '--pairs', '10')
  const same = await compared()
  expect([same.code, same.out]).toEqual([0, expect.stringContaining('. is as fast as git:HEAD, within 5 %')])
  writeFileSync(join(folder, 'bench.ts'), rate(50))
  const slower = await compared()
  expect([slower.code, slower.out]).toEqual([1, expect.stringContaining('. is slower than git:HEAD by more than 5 %')])
  expect(slower.out).toContain('with uncommitted changes')
  writeFileSync(join(folder, 'bench.ts'), rate(200))
  const faster = await compared()
  expect([faster.code, faster.out]).toEqual([0, expect.stringContaining('. is faster than git:HEAD by more than 5 %')])
  expect([left(), git(folder, 'worktree', 'list')!.split('\n')]).toEqual([[], [expect.stringContaining(folder)]])
})

test('what varies more than it differs is undecided: exit code 75', async () => {
  const folder = makeRepository(
    'const at = Number(process.pid) % 2 ? 100 : 200\nexport default () => ({ perSecond: at * Math.random() })',
  )
  const { code, out } = await run(folder, '.', '.', '--bench', 'bench.ts', '--pairs', '10')
  expect([code, out]).toEqual([75, expect.stringContaining('undecided whether . is slower than .')])
})

test.each([
  [['.'], 'compare takes two sides: folders, or git refs'],
  [['.', '.'], 'compare takes --bench FILE'],
  [['.', '.', '--bench', 'none.ts'], '. has no none.ts; each side brings its own'],
  [['git:none', '.', '--bench', 'bench.ts'], 'git:none is neither a folder nor a ref'],
  [['.', '.', '--bench', 'bench.ts', '--margin', '0'], '--margin takes a whole number from 1; found 0'],
  [['.', '.', '--speed'], "Unknown option '--speed'"],
])('compare %j is refused with exit code 64', async (words, message) => {
  const { code, err } = await run(makeRepository(rate(1)), ...words)
  expect([code, err]).toEqual([64, expect.stringContaining(message)])
})

test.each(['SIGINT', 'SIGTERM'] as const)('%s in the middle of a run ends it, and removes the worktree', async signal => {
  const folder = makeRepository(
    "await Bun.write('running', '')\nexport default () => new Promise(() => setInterval(() => {}, 1_000))",
  )
  const child = start(folder, 'git:HEAD', 'git:HEAD', '--bench', 'bench.ts')
  const running = () => left().find(name => new Bun.Glob('tree/running').scanSync(join(temporary, name)).next().value)
  await until('a bench runs', () => running() !== undefined)
  child.kill(signal)
  await child.exited
  expect(child.signalCode).toBe(signal)
  expect([left(), git(folder, 'worktree', 'list')!.split('\n')]).toEqual([[], [expect.stringContaining(folder)]])
})
