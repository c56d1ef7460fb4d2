// Nothing is longer than a reader takes in: no file over 400 lines, no function over 60.
import { describe, expect, test } from 'bun:test'
import { readSources, type Source } from './test-support/sources.ts'

const FILE_LINES_MAX = 400
const FUNCTION_LINES_MAX = 60

/** Functions that return an object and hold its state: a class in another form. */
const CLOSURES: readonly string[] = [
  'src/adapters/redis/cache.ts: redisCache ',
  'src/adapters/sqlite/agenda.ts: syncAgenda ',
  'src/adapters/sqlite/read-model.ts: syncReadModel ',
  'src/ports/agenda/memory.ts: memoryAgenda ',
  'src/ports/cache/memory.ts: memoryCache ',
  'src/ports/purger/batch-purges.ts: batchPurges ',
  'src/ports/read-model/memory.ts: memoryReadModel ',
  'src/ports/store/memory.ts: memory ',
  'src/query/fill.ts: createFilling ',
]

function longFiles(sources: readonly Source[]): readonly string[] {
  return sources
    .map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }))
    .filter(({ lines }) => lines > FILE_LINES_MAX)
    .map(({ path, lines }) => `${path}: ${lines}`)
}

/** Functions and methods by their names. The formatter ends each at the indentation at which it begins. */
function longFunctions({ path, text }: Source): readonly string[] {
  const lines = text.split('\n')
  return lines.flatMap((line, first) => {
    const name =
      /^\s*(?:export |default |static |readonly |override )*(?:async )?(?:get )?(?:function\*? (\w+)|const (\w+)\b.*=>|([#\w]+)(?:\(| = .*=>))/.exec(
        line,
      )
    if (!name || !opens(lines, first)) return []
    const indent = /^\s*/.exec(line)![0]
    const length = lines.slice(first + 1).findIndex(end => closes(end, indent)) + 2
    return length > FUNCTION_LINES_MAX ? [`${path}: ${name[1] ?? name[2] ?? name[3]} has ${length} lines`] : []
  })
}

/** Whether a body begins in this line, or below parameters that have a line each. */
function opens(lines: readonly string[], first: number): boolean {
  const indent = /^\s*/.exec(lines[first]!)![0]
  if (/^\s*(if|for|while|switch|return|await|try|test|describe|expect)\b/.test(lines[first]!)) return false
  if (/\{$/.test(lines[first]!)) return true
  if (!/\($/.test(lines[first]!)) return false
  const closing = lines.slice(first + 1).find(line => line.startsWith(`${indent})`))
  return closing !== undefined && /\{$/.test(closing)
}

/** Whether a line closes what began at an indentation. A line that closes parameters opens the body. */
function closes(line: string, indent: string): boolean {
  return (line.startsWith(`${indent}}`) || line.startsWith(`${indent})`)) && !line.endsWith('{')
}

describe('the length', () => {
  test('the length of every file is at most 400 lines', () => {
    expect(longFiles(readSources({ all: true }))).toEqual([])
  })

  test('the test of the length of files finds one that is too long', () => {
    const text = 'x\n'.repeat(FILE_LINES_MAX + 1)
    expect(longFiles([{ path: 'src/x.ts', text }])).toEqual(['src/x.ts: 401'])
  })

  test('the length of every function is at most 60 lines, unless it is a closure of the table', () => {
    const found = readSources().flatMap(longFunctions)
    expect(found.filter(one => !CLOSURES.some(name => one.startsWith(name)))).toEqual([])
    expect(CLOSURES.filter(name => !found.some(one => one.startsWith(name)))).toEqual([])
  })

  test.each([
    ['a function', 'export async function far(a: string): Promise<void> {', '}'],
    ['a function with parameters below each other', 'function far(\n  a: string,\n): void {', '}'],
    ['a method', 'class X {\n  async far(): Promise<void> {', '  }\n}'],
    ['an arrow', 'const far = (a: string) => {', '}'],
    ['a field', 'class X {\n  far = async (a: string) => {', '  }\n}'],
  ])('the test of the length of functions finds one of %s that is too long', (_, begin, end) => {
    const body = '    work()\n'.repeat(FUNCTION_LINES_MAX)
    expect(longFunctions({ path: 'src/x.ts', text: `${begin}\n${body}${end}\n` })).toHaveLength(1)
    expect(longFunctions({ path: 'src/x.ts', text: `${begin}\n    work()\n${end}\n` })).toEqual([])
  })
})
