import { describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { appFile } from './app-file.ts'

describe('the app file', () => {
  test('the app file is app.ts where none is named', () => {
    expect(appFile(['streams', '--json'])).toEqual({ file: 'app.ts', named: [], rest: ['streams', '--json'] })
  })

  test('the app file is named anywhere among the arguments, in both ways, the last one counting', () => {
    expect(appFile(['--app', 'a.ts', 'streams'])).toEqual({ file: 'a.ts', named: ['--app', 'a.ts'], rest: ['streams'] })
    expect(appFile(['streams', '--app=b.ts', '--json'])).toEqual({
      file: 'b.ts',
      named: ['--app', 'b.ts'],
      rest: ['streams', '--json'],
    })
    expect(appFile(['--app', 'a.ts', '--app', 'b.ts'])?.file).toBe('b.ts')
  })

  test('the app file is not looked for behind --, and has to be there', () => {
    expect(appFile(['skip', '--', '--app'])).toMatchObject({ file: 'app.ts', rest: ['skip', '--', '--app'] })
    for (const argv of [['--app'], ['--app=']]) expect(appFile(argv)).toBeNull()
  })

  test('the app file is refused where it is none or exports no app, and --help needs none', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'emaki-app-'))
    await Bun.write(join(folder, 'empty.ts'), 'export default {}')
    const says = async (...args: readonly string[]) => {
      const child = Bun.spawn([process.execPath, join(import.meta.dir, 'bin.ts'), ...args], {
        cwd: folder,
        stdout: 'pipe',
        stderr: 'pipe',
      })
      const [out, err, code] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
        child.exited,
      ])
      return [code, out + err]
    }
    expect(await says('streams')).toEqual([64, expect.stringContaining('app.ts does not exist')])
    expect(await says('streams', '--app', 'empty.ts')).toEqual([
      64,
      expect.stringContaining('has no default export that is app({ serve })'),
    ])
    expect(await says('streams', '--app')).toEqual([64, expect.stringContaining('--app takes a file')])
    expect(await says('--help')).toEqual([0, expect.stringContaining('usage: [verb] [options]')])
    rmSync(folder, { recursive: true })
  })
})
