// Types are tested by the compiler: what has to compile does, and each wrong usage is refused on its own line, for its own reason.
import { beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { seen } from './test-support/types/accepted.ts'

const ROOT = join(import.meta.dir, '..')
const MARK = /^\s*\/\/ @ts-expect-error (.+)$/

type Found = { readonly file: string; readonly line: number; readonly message: string }

const linesOf = (file: string) => readFileSync(join(import.meta.dir, 'test-support/types', file), 'utf8').split('\n')
const accepted = linesOf('accepted.ts')
const refused = new Map(
  ['refused.ts', 'misnamed.ts', 'misread.ts', 'misruled.ts', 'decided.ts', 'instances.ts', 'measured.ts', 'metadata.ts'].map(
    file => [file, linesOf(file)],
  ),
)
const marks = [...refused].flatMap(([file, lines]) =>
  lines.flatMap((text, i): Found[] => {
    const mark = MARK.exec(text)
    return mark ? [{ file, line: i + 2, message: mark[1]! }] : []
  }),
)
let found: readonly Found[]

beforeAll(() => {
  const unmarked = [...refused].map(([file, lines]) => [file, lines.map(text => (MARK.test(text) ? '' : text))] as const)
  found = compileFiles(Object.fromEntries([...unmarked, ['accepted.ts', accepted]]))
})

describe('right code', () => {
  test('right code compiles', () => {
    expect(found.filter(({ file }) => file === 'accepted.ts')).toEqual([])
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
    const lines = (list: readonly Found[]) => [
      ...new Set(list.map(({ file, line }) => `${file}:${line}: ${refused.get(file)?.[line - 1]}`)),
    ]
    expect(lines(found.filter(({ file }) => refused.has(file)))).toEqual(lines(marks))
  })

  test.each(marks.map(({ file, line, message }) => [`${file}:${line}`, message] as const))(
    'wrong code at %s gets the message: %s',
    (place, message) => {
      const said = found.filter(({ file, line }) => `${file}:${line}` === place).map(one => one.message)
      expect(said.join('\n')).toContain(message)
    },
  )
})

/** What the compiler says of files under src/test-support/types, by file and line, under the options of this package. */
function compileFiles(files: Readonly<Record<string, readonly string[]>>): readonly Found[] {
  const folder = mkdtempSync(join(tmpdir(), 'emaki-types-'))
  try {
    for (const [name, lines] of Object.entries(files))
      writeFileSync(join(folder, name), lines.join('\n').replaceAll(`'../../`, `'${join(ROOT, 'src')}/`))
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
    const all = errors.map(([, file, line, message]) => ({ file: basename(file!), line: Number(line), message: message! }))
    const order = Object.keys(files)
    return all.toSorted((a, b) => order.indexOf(a.file) - order.indexOf(b.file) || a.line - b.line)
  } finally {
    rmSync(folder, { recursive: true })
  }
}
