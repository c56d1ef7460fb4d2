// Types are tested by the compiler: what has to compile does, and each wrong usage is refused on its own line, for its own reason.
import { beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seen } from './test-support/types/accepted.ts'

const ROOT = join(import.meta.dir, '..')
const MARK = /^\s*\/\/ @ts-expect-error (.+)$/

type Found = { readonly line: number; readonly message: string }

const refused = readFileSync(join(import.meta.dir, 'test-support/types/refused.ts'), 'utf8').split('\n')
const accepted = readFileSync(join(import.meta.dir, 'test-support/types/accepted.ts'), 'utf8').split('\n')
const marks = refused.flatMap((text, i): Found[] => {
  const mark = MARK.exec(text)
  return mark ? [{ line: i + 2, message: mark[1]! }] : []
})
let found: { readonly refused: readonly Found[]; readonly accepted: readonly Found[] }

beforeAll(() => {
  found = compileFiles({ 'refused.ts': refused.map(text => (MARK.test(text) ? '' : text)), 'accepted.ts': accepted })
})

describe('right code', () => {
  test('right code compiles', () => {
    expect(found.accepted).toEqual([])
  })

  test('right code needs no cast and no generic', () => {
    expect(accepted.filter(text => /\bas (?!const\b)|\bany\b(?!\()|!\./.test(text.replace(/\/\/.*|'.*?'/g, '')))).toEqual([])
    expect(accepted.filter(text => /\b(events|decider|upcast|split|runtime|projection|query|processor)</.test(text))).toEqual([])
  })

  test('right code runs', () => {
    expect(seen).toEqual(['basket-b1 is at 1 and 1, after 1', {}, 'Opened', 'c1', 12, true, 1, ['b1', 'open', 0], 4])
  })
})

describe('wrong code', () => {
  test('wrong code does not compile, line by line, and nothing else fails', () => {
    const lines = (list: readonly Found[]) =>
      [...new Set(list.map(({ line }) => line))].map(line => `${line}: ${refused[line - 1]}`)
    expect(lines(found.refused)).toEqual(lines(marks))
  })

  test.each(marks.map(({ line, message }) => [line, message] as const))(
    'wrong code on line %p gets the message: %s',
    (line, message) => {
      expect(
        found.refused
          .filter(one => one.line === line)
          .map(one => one.message)
          .join('\n'),
      ).toContain(message)
    },
  )
})

/** What the compiler says of files under src/test-support/types, by file and line, under the options of this package. */
function compileFiles(files: Readonly<Record<string, readonly string[]>>): typeof found {
  const folder = mkdtempSync(join(tmpdir(), 'emaki-types-'))
  try {
    for (const [name, lines] of Object.entries(files))
      writeFileSync(join(folder, name), lines.join('\n').replaceAll(`'../../index.ts'`, `'${join(ROOT, 'src/index.ts')}'`))
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        extends: join(ROOT, 'tsconfig.json'),
        compilerOptions: { types: [join(ROOT, 'node_modules/bun-types')], paths: { zod: [join(ROOT, 'node_modules/zod')] } },
        include: ['*.ts', join(ROOT, 'src/*.d.ts')],
      }),
    )
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
    const { stdout } = Bun.spawnSync([process.execPath, tsc, '-p', folder, '--pretty', 'false'])
    const errors = [...stdout.toString().matchAll(/^(\S*?)\((\d+),\d+\): error TS\d+: (.*(?:\n {2}.*)*)/gm)]
    const errorsIn = (name: string) =>
      errors
        .filter(([, file]) => file!.endsWith(`/${name}`))
        .map(([, , line, message]) => ({ line: Number(line), message: message! }))
    return { refused: errorsIn('refused.ts'), accepted: errorsIn('accepted.ts') }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
