// The package as others get it: packed from a copy of this repository, and installed into projects that are not ours.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import manifest from '../../package.json'
import { serveProcess } from '../../src/test-support/served-process.ts'

const ROOT = join(import.meta.dir, '../..')
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc')
const BUN = process.execPath

const folder = mkdtempSync(join(tmpdir(), 'emaki-package-'))
const repository = join(folder, 'repository')
const byBun = join(folder, 'bun', `emaki-${manifest.version}.tgz`)
const byNpm = join(folder, 'npm', `emaki-${manifest.version}.tgz`)
beforeAll(async () => {
  await copyRepository()
  for (const packed of [byBun, byNpm]) mkdirSync(dirname(packed))
  await run(repository, BUN, 'pm', 'pack', '--destination', dirname(byBun))
  await run(repository, 'npm', 'pack', '--pack-destination', dirname(byNpm))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Runs a command to its end, gives what it printed, and throws that where the command fails. */
async function run(cwd: string, ...command: readonly string[]): Promise<string> {
  const env = { ...process.env, BUN_OPTIONS: '', NO_COLOR: '1' }
  const child = Bun.spawn([...command], { cwd, env, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
  const [printed, said, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}: ${printed}${said}`)
  return printed
}

/** A repository with what is here, committed or not, so that packing writes into no folder that other tests read. */
async function copyRepository(): Promise<void> {
  const listed = await run(ROOT, 'git', 'ls-files', '--cached', '--others', '--exclude-standard', '-z')
  for (const path of listed.split('\0').filter(path => path !== '')) cpSync(join(ROOT, path), join(repository, path))
  await run(repository, 'git', 'init', '--quiet')
  await run(repository, 'git', 'add', '--all')
  await run(repository, 'git', '-c', 'user.name=Ada', '-c', 'user.email=ada@example.com', 'commit', '--quiet', '-m', 'All')
  symlinkSync(join(ROOT, 'node_modules'), join(repository, 'node_modules'))
  writeFileSync(join(repository, '.git/info/exclude'), 'node_modules\n')
}

const statusOf = (cwd: string) => run(cwd, 'git', 'status', '--porcelain')
const filesIn = async (packed: string) => (await run(folder, 'tar', '-tf', packed)).trim().split('\n').toSorted()

/** A project with the README's forty lines, and the package installed from `source`. */
async function createProject(name: string, options: object | null, source: readonly string[]): Promise<string> {
  const project = join(folder, name)
  mkdirSync(project)
  if (options === null) await run(project, BUN, 'init', '--yes')
  else {
    writeFileSync(join(project, 'package.json'), JSON.stringify({ name, private: true, type: 'module' }))
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions: { noEmit: true, ...options } }))
    await run(project, BUN, 'add', '--dev', `@types/bun@${manifest.devDependencies['bun-types']}`)
  }
  cpSync(join(ROOT, 'examples/account.ts'), join(project, 'account.ts'))
  await run(project, BUN, 'add', ...source)
  return project
}

/** Opens an account with a command that serves the forty lines, and reads it. */
async function openAccount(project: string, command: readonly string[]): Promise<unknown> {
  const served = await serveProcess(command, { SQLITE_FILE: join(project, 'log.db') })
  try {
    const headers = { 'Content-Type': 'application/json' }
    await fetch(`${served.url}/account/a1/open`, { method: 'POST', headers, body: '{"owner":"Ada"}' })
    return await (await fetch(`${served.url}/account/a1`)).json()
  } finally {
    await served.stop()
  }
}

describe('the package', () => {
  test('the package has the same files by bun as by npm: JavaScript, declarations and the texts that it imports', async () => {
    const files = await filesIn(byBun)
    expect(await filesIn(byNpm)).toEqual(files)
    expect(
      files.filter(path => /(?<!\.d)\.ts$|(?<!back)test|\.cases\.|contract|\/races\//.test(path.replace('/testing/', '/'))),
    ).toEqual([])
    const entries = Object.values(manifest.exports).flatMap(entry => Object.values(entry))
    expect(files).toEqual(expect.arrayContaining([...entries, manifest.bin.emaki].map(path => path.replace('.', 'package'))))
  })

  test('the package imports no source, neither in its code nor in its declarations', async () => {
    const texts = await run(folder, 'tar', '-xOf', byBun, 'package/dist/npm')
    expect(texts.match(/^export declare /gm)!.length).toBeGreaterThan(100)
    expect(texts.match(/^[^*/\n]*\b(from |import\()['"]\.[^'"\n]*\.ts['"]/gm) ?? []).toEqual([])
  })

  test('the package leaves its repository clean when it is packed', async () => {
    expect(await statusOf(repository)).toBe('')
  })

  test('the package passes publint, as an error whatever it finds', async () => {
    expect(await run(ROOT, BUN, 'x', 'publint', '--strict', byBun)).toContain('All good!')
  })

  test('the package has types that resolve as its code does', async () => {
    const analysis = await checkPackage(createPackageFromTarballData(await Bun.file(byBun).bytes()))
    if (analysis.types === false) throw new Error('the package has no types')
    const { entrypoints, problems } = analysis
    expect(Object.keys(entrypoints)).toEqual(Object.keys(manifest.exports))
    for (const { resolutions } of Object.values(entrypoints)) {
      expect(resolutions['node16-esm'].resolution).toMatchObject({ isTypeScript: true })
      expect(resolutions['node16-esm'].implementationResolution?.fileName).toEndWith('.js')
    }
    // The package is a module: what requires it, or looks for it without `exports`, does not find it.
    const ofModules = problems.filter(one => !('resolutionKind' in one) || /^(node16-esm|bundler)$/.test(one.resolutionKind))
    expect(ofModules).toEqual([])
  })
})

describe('a project', () => {
  const strict = {
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    noPropertyAccessFromIndexSignature: true,
    noImplicitOverride: true,
    verbatimModuleSyntax: true,
    isolatedModules: true,
    skipLibCheck: false,
    types: ['bun'],
  }
  const bundler = { module: 'ESNext', moduleResolution: 'bundler', target: 'ES2022' }
  test.each([
    ['init', "bun init's options", null],
    ['node', 'strict NodeNext', { ...strict, module: 'NodeNext', target: 'ESNext' }],
    ['dom', 'a bundler and DOM', { ...bundler, lib: ['ESNext', 'DOM', 'DOM.Iterable'], types: ['bun'], skipLibCheck: false }],
    ['loose', 'the loosest options', { ...bundler, strict: false, skipLibCheck: true }],
  ])('%s: a project with %s compiles and runs the forty lines of the README', async (name, _, options) => {
    const project = await createProject(name, options, [byBun])
    expect(await run(project, BUN, TSC, '--noEmit', '-p', '.')).toBe('')
    expect(await openAccount(project, [BUN, join(project, 'account.ts')])).toEqual({ owner: 'Ada', cents: 0 })
  })

  test('a project without the optional peers compiles all imports, also their declarations', async () => {
    const subpaths = Object.keys(manifest.exports).map(path => path.slice(1))
    const lines = subpaths.map((subpath, i) => `export * as part${i} from 'emaki${subpath}'`)
    writeFileSync(join(folder, 'node/all.ts'), lines.join('\n'))
    expect(await run(join(folder, 'node'), BUN, TSC, '-p', '.')).toBe('')
  })

  test('a project with Scalar compiles to one binary, which has the migrations and the page of its API', async () => {
    const project = join(folder, 'loose')
    const scalar = join(project, 'node_modules/@scalar/api-reference/dist/browser')
    mkdirSync(scalar, { recursive: true })
    writeFileSync(join(scalar, 'standalone.js'), '"the page"')
    const binary = join(folder, 'account')
    await run(project, BUN, 'build', '--compile', '--outfile', binary, 'account.ts')
    rmSync(project, { recursive: true })
    expect(await openAccount(folder, [binary])).toEqual({ owner: 'Ada', cents: 0 })
    const served = await serveProcess([binary], { SQLITE_FILE: join(folder, 'log.db') })
    expect(await (await fetch(`${served.url}/docs/scalar.js`)).text()).toBe('"the page"')
    await served.stop()
  })

  test('a project installs the package from a folder that is built, and leaves it clean', async () => {
    const project = await createProject('folder', { ...bundler, types: ['bun'] }, [`file:${repository}`])
    expect(await run(project, BUN, TSC, '-p', '.')).toBe('')
    expect(await openAccount(project, [BUN, join(project, 'account.ts')])).toEqual({ owner: 'Ada', cents: 0 })
    expect(await statusOf(repository)).toBe('')
  })

  test('a project installs the package from Git once it trusts it, and leaves the repository clean', async () => {
    const project = await createProject('git', { ...bundler, types: ['bun'] }, ['--trust', `git+file://${repository}`])
    expect(await run(project, BUN, TSC, '-p', '.')).toBe('')
    expect(await openAccount(project, [BUN, join(project, 'account.ts')])).toEqual({ owner: 'Ada', cents: 0 })
    expect(await statusOf(repository)).toBe('')
  })
})
