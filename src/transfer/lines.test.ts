import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { csvOf } from './csv.ts'
import { type FileLine, LINE_BYTES_MAX, linesOf, PIECE_BYTES } from './lines.ts'

const folder = mkdtempSync(join(tmpdir(), 'emaki-lines-'))
afterAll(() => rmSync(folder, { recursive: true }))

const file = (content: string | Uint8Array): string => {
  const path = join(folder, 'file')
  writeFileSync(path, content)
  return path
}
const flat = async <R>(pages: AsyncIterable<readonly FileLine<R>[]>) => (await Array.fromAsync(pages)).flat()
/** A record, or what is wrong. */
const recordOf = (found: FileLine): unknown => ('record' in found ? found.record : found.problem)
const lines = (content: string | Uint8Array) => flat(linesOf(file(content)))
const csv = (content: string | Uint8Array) => flat(csvOf(file(content)))
const bytes = (...parts: readonly (string | number)[]) =>
  Buffer.concat(parts.map(part => (typeof part === 'string' ? Buffer.from(part) : Buffer.of(part))))

describe('lines', () => {
  test('lines are those of the file, numbered, without empty ones and without a byte order mark', async () => {
    expect(await lines('\ufeffa\n\n b\r\nc')).toEqual([
      { line: 1, record: 'a' },
      { line: 3, record: ' b\r' },
      { line: 4, record: 'c' },
    ])
    expect(await lines('')).toEqual([])
  })

  test('lines are whole wherever a read ends', async () => {
    const many = Array.from({ length: 4_000 }, (_, i) => `${i} ${'é😀'.repeat(i % 90)}`)
    expect((await lines(many.join('\n'))).map(recordOf)).toEqual(many)
  })

  test('lines that are no UTF-8, or too long, are reported with their numbers, and those after them are read', async () => {
    expect(await lines(bytes('a\n', 0xc3, 0x28, '\nb\n', 0xff))).toEqual([
      { line: 1, record: 'a' },
      { line: 2, problem: 'is no UTF-8' },
      { line: 3, record: 'b' },
      { line: 4, problem: 'is no UTF-8' },
    ])
    const long = 'x'.repeat(LINE_BYTES_MAX + 2 * PIECE_BYTES)
    const found = await lines(`a\n${long}\nb\n${long}`)
    expect(found.map(one => [one.line, String(recordOf(one)).slice(0, 11)])).toEqual([
      [1, 'a'],
      [2, 'longer than'],
      [3, 'b'],
      [4, 'longer than'],
    ])
  })
})

describe('a CSV', () => {
  test('a CSV may have quotes, line feeds in quotes, CRLF and a byte order mark', async () => {
    expect(await csv('\ufeffa,b\r\n1,"x ""y"", z"\r\n"two\nlines",\r\n\r\n3,4')).toEqual([
      { line: 2, record: { a: '1', b: 'x "y", z' } },
      { line: 4, record: { a: 'two\nlines', b: '' } },
      { line: 6, record: { a: '3', b: '4' } },
    ])
  })

  test('a CSV gives records of another length, misplaced quotes and lines that are no UTF-8 as bad, and goes on', async () => {
    const found = await csv(bytes('a,b\n1\n2,3\nx"y,1\n4,', 0xff, '\n"5\n', 0xfe, '",6\n7,8\n'))
    expect(found.filter(({ problem }) => problem === undefined).map(recordOf)).toEqual([
      { a: '2', b: '3' },
      { a: '7', b: '8' },
    ])
    expect(found.filter(({ problem }) => problem !== undefined).map(({ line }) => line)).toEqual([2, 4, 5, 7])
  })

  test('a CSV takes no record for bad because of the one before it', async () => {
    const found = await csv(bytes('a,b\nx"', 0xff, '",1\n1,2\n', 0xff, '\n3,4\n'))
    expect(found.map(one => [one.line, 'record' in one])).toEqual([
      [2, false],
      [3, true],
      [4, false],
      [5, true],
    ])
  })

  test('a CSV with too many misplaced quotes is given up', async () => {
    const found = await csv(`a,b\n${'x"y,1\n'.repeat(12_000)}1,2\n`)
    expect(found.length).toBeLessThan(12_000)
    expect(found.at(-1)?.problem).toContain('too many quotes')
  })

  test('a CSV gives a quote that is never closed as bad', async () => {
    const found = await csv('a,b\n1,2\n"3,4\n')
    expect(found[0]).toEqual({ line: 2, record: { a: '1', b: '2' } })
    expect(found[1]?.problem).toContain('Quote Not Closed')
  })

  test('a CSV gives back whatever was written by the rules of RFC 4180', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), fc.constantFrom('"', '\r\n', ',', '', 'a\nb')), { minLength: 1 }),
        async rows => {
          const quote = (text: string) => `"${text.replaceAll('"', '""')}"`
          const text = ['a,b', ...rows.map(row => row.map(quote).join(','))].join('\r\n')
          expect((await csv(text)).map(recordOf)).toEqual(rows.map(([a, b]) => ({ a, b })))
        },
      ),
      { numRuns: 100 },
    ))
})
