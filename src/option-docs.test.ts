// Whoever hovers over an option in an editor reads what it does: each member of the public options has a docstring of its own.
import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT, readSources, type Source } from './test-support/sources.ts'

/** Options that callers give as an object: types by their name, and parameters that have no type of their own. */
const DECLARED = /^(?:export )?type (\w*(?:Options|Policy)|SagaStep)\b/
/** What no caller of the package calls. */
const INTERNAL: readonly string[] = ['defineProcess']
const INLINE = /^export (?:async )?function\*? (\w+)/

/** The members without a docstring, as `name.member`. The formatter gives each member a line. */
function membersWithoutDocs({ path, text }: Source): readonly string[] {
  const lines = text.split('\n')
  return lines.flatMap((line, first) => {
    const name = DECLARED.exec(line)?.[1] ?? INLINE.exec(line)?.[1]
    if (name === undefined || INTERNAL.includes(name)) return []
    const length = lines.slice(first + 1).findIndex(end => /^[^\s)>]/.test(end) || (INLINE.test(line) && /^\).*\{$/.test(end)))
    const body = lines.slice(first, first + 1 + length)
    return body.flatMap((member, i) => {
      const found = /^ +readonly (\w+)\??:/.exec(member)?.[1]
      return found === undefined || /\*\/$/.test(body[i - 1]!) ? [] : [`${path}: ${name}.${found}`]
    })
  })
}

/** The files that declare what a subpath of the package exports. */
function publicSources(): readonly Source[] {
  const { exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    exports: Record<string, { default: string }>
  }
  const indexes = Object.values(exports).map(({ default: path }) => path.replace('./dist/npm/', '').replace(/\.js$/, '.ts'))
  const sources = readSources()
  const exported = ({ path, text }: Source) =>
    [...text.matchAll(/^export [^']* from '(\.[^']+)'/gm)].map(([, to]) => join(path, '..', to!))
  const found = new Set(indexes)
  // The walk reaches what it adds.
  for (const path of found) for (const to of exported(sources.find(source => source.path === path)!)) found.add(to)
  return sources.filter(({ path }) => found.has(path))
}

describe('the members of options', () => {
  test('the members of options that callers give have a docstring each', () => {
    const sources = publicSources()
    expect(sources.length).toBeGreaterThan(50)
    expect(sources.flatMap(membersWithoutDocs)).toEqual([])
  })

  test.each([
    ['a type', 'export type XOptions<F> = {\n  /** A. */\n  readonly a: F\n  readonly b?: F\n}\n', ['src/x.ts: XOptions.b']],
    [
      'a part of a type',
      'type XOptions = {\n  /** A. */\n  readonly a: {\n    readonly b: 1\n  }\n}\n',
      ['src/x.ts: XOptions.b'],
    ],
    ['a parameter', 'export function x(options: {\n  readonly a: 1\n}): void {\n  const y = 1\n}\n', ['src/x.ts: x.a']],
    ['none', '/** X. */\nexport type XSpec = {\n  readonly a: 1\n}\n', []],
  ])('the test of docstrings finds the member without one of %s', (_, text, found) => {
    expect(membersWithoutDocs({ path: 'src/x.ts', text })).toEqual(found)
  })
})
