import { afterEach, describe, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compare } from './compare.ts'
import { git } from './git.ts'
import { openSide } from './side.ts'

const made: string[] = []
afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true })
})

function makeFolder(files: Readonly<Record<string, string>>): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'emaki-speed-')))
  made.push(folder)
  writeFiles(folder, files)
  return folder
}

function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
}

function makeRepository(files: Readonly<Record<string, string>>): string {
  const folder = makeFolder(files)
  git(folder, 'init', '--quiet')
  commitAll(folder)
  return folder
}

function commitAll(folder: string): void {
  git(folder, 'add', '.')
  git(folder, '-c', 'user.name=Ann', '-c', 'user.email=ann@example.com', 'commit', '--quiet', '-m', 'A change')
}

const worktrees = (folder: string) => git(folder, 'worktree', 'list')!.split('\n').length
const RATE = (rate: number) => `export default () => ({ perSecond: ${rate} })`
const quick = { bench: 'bench/rate.ts', pairs: 10, runMs: 1 }
const messageOf = (running: Promise<unknown>) => running.then(String, (error: Error) => `${error.name}: ${error.message}`)

describe('compare', () => {
  test.each([
    [100, 50, 'slower', 2],
    [50, 100, 'faster', 0.5],
    [100, 100, 'same', 1],
  ])('a bench that tells rates of %i and %i is found %s', async (first, second, verdict, ratio) => {
    const before = makeFolder({ 'bench/rate.ts': RATE(first) })
    const after = makeFolder({ 'bench/rate.ts': RATE(second) })
    const found = await compare(before, after, quick)
    expect(found).toMatchObject({ verdict, pairs: 10, unit: 'a second', before: { median: first }, after: { median: second } })
    expect(found.ratio).toBeCloseTo(ratio, 10)
  })

  test('a side without the bench is refused by its name', async () => {
    const [before, after] = [makeFolder({}), makeFolder({ 'bench/rate.ts': RATE(1) })]
    expect(await messageOf(compare(before, after, quick))).toBe(
      `CompareError: ${before} has no bench/rate.ts; each side brings its own`,
    )
  })

  test.each([
    ["throw new Error('no server')", 'error: no server'],
    ['export const x = 1', 'TypeError: the bench has no default export that is a function'],
    [RATE(0), 'TypeError: the bench gave perSecond 0; expected a number above 0'],
    ['process.exit(0)', 'it ended early and printed nothing'],
  ])('a bench %s fails the comparison in one sentence', async (bench, why) => {
    const folder = makeFolder({ 'bench/rate.ts': bench })
    expect(await messageOf(compare(folder, folder, quick))).toBe(`CompareError: bench/rate.ts fails in ${folder}: ${why}`)
  })

  test('a rate on one side and a time on the other are not compared', async () => {
    const before = makeFolder({ 'bench/rate.ts': RATE(1) })
    const after = makeFolder({ 'bench/rate.ts': 'export default () => ({ ms: 1 })' })
    expect(await messageOf(compare(before, after, quick))).toBe(
      'CompareError: bench/rate.ts tells a rate in one side and a time in the other',
    )
  })

  test.each([
    [{ margin: 0 }, 'margin: expected a share between 0 and 1; found 0'],
    [{ pairs: 9 }, 'pairs: expected a whole number from 10; found 9'],
    [{ seconds: 0 }, 'seconds: expected a number above 0; found 0'],
  ])('the options %j are refused', async (options, message) => {
    expect(await messageOf(compare('.', '.', { ...quick, ...options }))).toBe(`TypeError: ${message}`)
  })
})

describe('a side', () => {
  test('a ref is checked out beside the repository, installed by its lockfile, and removed', async () => {
    const files = {
      'package.json': '{"name":"shop","dependencies":{"x":"file:./x"},"scripts":{"prepare":"echo done > made.txt"}}',
      'x/package.json': '{"name":"x","version":"1.0.0"}',
      'bun.lock': LOCK,
    }
    const repository = makeRepository({ ...files, 'bench/rate.ts': RATE(100) })
    const first = git(repository, 'rev-parse', 'HEAD')
    writeFiles(repository, { 'bench/rate.ts': RATE(50) })
    commitAll(repository)
    const side = await openSide('git:HEAD^', repository, () => {})
    expect(side).toMatchObject({ name: 'git:HEAD^', commit: first, isDirty: false })
    expect(readdirSync(side.folder).toSorted()).toContain('made.txt')
    expect(worktrees(repository)).toBe(2)
    side.remove()
    expect(worktrees(repository)).toBe(1)
  })

  test('a folder of a repository has its commit, and says whether its files differ from it', async () => {
    const repository = makeRepository({ 'a.txt': 'a' })
    expect(await openSide('.', repository, () => {})).toMatchObject({ folder: repository, isDirty: false })
    writeFiles(repository, { 'a.txt': 'b' })
    const commit = git(repository, 'rev-parse', 'HEAD')
    expect(await openSide('.', repository, () => {})).toMatchObject({ commit, isDirty: true })
  })

  test('a ref that does not exist is refused, and leaves no worktree', async () => {
    const repository = makeRepository({ 'a.txt': 'a' })
    expect(await messageOf(openSide('git:none', repository, () => {}))).toBe(
      `CompareError: git:none is neither a folder nor a ref of the repository ${repository}`,
    )
    expect(worktrees(repository)).toBe(1)
  })

  test('a lockfile that does not fit fails in one sentence, and what was made is removed', async () => {
    const repository = makeRepository({ 'package.json': '{"dependencies":{"none":"file:./none"}}', 'bun.lock': LOCK })
    const removes: (() => void)[] = []
    const message = await messageOf(openSide('git:HEAD', repository, remove => removes.push(remove)))
    expect(message).toStartWith('CompareError: git:HEAD: `bun install --frozen-lockfile` failed: ')
    for (const remove of removes) remove()
    expect(worktrees(repository)).toBe(1)
  })
})

/** Of a package that depends on the folder `x`. */
const LOCK = JSON.stringify({
  ...{ lockfileVersion: 2, configVersion: 1 },
  workspaces: { '': { name: 'shop', dependencies: { x: 'file:./x' } } },
  packages: { x: ['x@file:x', {}] },
})
