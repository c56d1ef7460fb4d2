// The commands in messages, run by a shell as they stand.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../test-support/sources.ts'

let folder: string
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'emaki-program-')))
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  writeFileSync(join(folder, 'shop.ts'), `import { app } from '${ROOT}/routes/index.ts'\nexport default app({ serve: [] })\n`)
  writeFileSync(
    join(folder, 'main.ts'),
    `import { main } from '${ROOT}/src/cli/index.ts'\nimport shop from './shop.ts'\nawait main(shop)\n`,
  )
  const { success, stderr } = Bun.spawnSync([process.execPath, 'build', '--compile', 'main.ts', '--outfile', 'shop'], {
    cwd: folder,
  })
  if (!success) throw new Error(stderr.toString())
})
afterAll(() => rmSync(folder, { recursive: true }))

function run(words: readonly string[], file: string) {
  const env = { PATH: process.env['PATH'] ?? '', SQLITE_FILE: join(folder, file) }
  const { exitCode, stdout, stderr } = Bun.spawnSync([...words], { cwd: folder, env })
  return { code: exitCode, out: `${stdout}`, err: `${stderr}` }
}

test.each<readonly [what: string, words: () => readonly string[], starts: RegExp]>([
  ['a source', () => [process.execPath, join(folder, 'main.ts')], /^\S*bun \.\/main\.ts migrate$/],
  ['a binary', () => [join(folder, 'shop')], /^\.\/shop migrate$/],
  ['emaki', () => [process.execPath, join(import.meta.dir, 'bin.ts'), '--app', 'shop.ts'], / --app shop\.ts migrate$/],
])('the command that doctor of %s names is run by a shell as it stands, and mends what it found', (what, words, starts) => {
  const file = `${what}.db`
  const fixOf = (name: string) => {
    const { out } = run([...words(), 'doctor', '--json'], file)
    const found = JSON.parse(out) as readonly { readonly name: string; readonly fix?: string }[]
    return found.find(one => one.name === name)?.fix
  }
  const [, command = ''] = /`([^`]+)`/.exec(fixOf('file') ?? '') ?? []
  expect(command).toMatch(starts)
  expect(run(['bash', '-c', command], file)).toMatchObject({ code: 0, err: '' })
  expect(fixOf('file')).toBeUndefined()
})
