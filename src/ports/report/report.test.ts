import { join } from 'node:path'
import { describe, expect, test } from 'bun:test'
import { ROOT, readSources } from '../../test-support/sources.ts'
import { Episode } from './episode.ts'
import { Notice } from './notice.ts'
import { printReports } from './print.ts'

const parked = new Notice({
  level: 'warn',
  code: 'key-parked',
  message: 'orders_v1 parked o1.',
  fields: { subscription: 'orders_v1', key: 'o1', position: 7 },
  cause: new TypeError('no total'),
})

function print(problem: unknown, isTerminal: boolean): string {
  const lines: string[] = []
  printReports({ write: line => lines.push(line), isTerminal, now: () => 0 })(problem)
  return lines.join('')
}

describe('a report', () => {
  test('a report of a notice is one JSON record with its fields and its cause', () => {
    const printed = print(parked, false)
    expect(printed.endsWith('\n')).toBe(true)
    expect(JSON.parse(printed)).toEqual({
      timestamp: '1970-01-01T00:00:00.000Z',
      severityText: 'WARN',
      severityNumber: 13,
      body: 'orders_v1 parked o1.',
      code: 'key-parked',
      subscription: 'orders_v1',
      key: 'o1',
      position: 7,
      error: { name: 'TypeError', message: 'no total', stack: expect.stringContaining('TypeError: no total') },
    })
  })

  test('a report of an unexpected error is one line, however many lines its stack has', () => {
    const printed = print(new Error('broken', { cause: 'the disk' }), false)
    expect(printed.trimEnd()).not.toContain('\n')
    expect(JSON.parse(printed)).toMatchObject({
      severityText: 'ERROR',
      code: 'unexpected',
      error: { message: 'broken', cause: { message: 'the disk' } },
    })
  })

  test('a report on a terminal is readable, and shows no stack for a warning', () => {
    expect(print(parked, true)).toBe(
      '00:00:00 WARN orders_v1 parked o1.\n  code=key-parked subscription=orders_v1 key=o1 position=7\n',
    )
  })

  test('a report on a terminal shows where an unexpected error was thrown, and why', () => {
    const lines = print(new Error('broken', { cause: new Error('the disk') }), true)
    expect(lines).toContain('00:00:00 ERROR broken\n  code=unexpected\n  Error: broken\n  at ')
    expect(lines).toContain('  because of\n  Error: the disk')
  })

  test('a report of causes in a circle ends', () => {
    const error = new Error('round')
    error.cause = error
    expect(JSON.parse(print(error, false)).error.cause.message).toBe('round')
  })
})

describe('an episode', () => {
  function begin() {
    const reported: Notice[] = []
    let now = 0
    const report = (problem: unknown) => void reported.push(problem as Notice)
    const clock = () => now++
    const episode = new Episode({
      report,
      what: 'orders_v1 could not save',
      mend: 'Look at the disk.',
      fields: { subscription: 'orders_v1' },
      clock,
    })
    return { episode, reported }
  }

  test('an episode of many failures is reported once, and once more as it ends', () => {
    const { episode, reported } = begin()
    const counts = [1, 2, 3].map(nth => episode.fail(new Error(`full ${nth}`)))
    episode.succeed()
    episode.succeed()
    expect(counts).toEqual([0, 1, 2])
    expect(reported.map(({ level, code, message, fields }) => ({ level, code, message, fields }))).toEqual([
      {
        level: 'warn',
        code: 'retry-began',
        message: 'orders_v1 could not save: full 1. It is tried again until it succeeds. Look at the disk.',
        fields: { subscription: 'orders_v1' },
      },
      {
        level: 'info',
        code: 'retry-ended',
        message: 'orders_v1 could not save; that is over after 3 failures in 1 ms.',
        fields: { subscription: 'orders_v1', failures: 3, lastedMs: 1 },
      },
    ])
  })

  test('an episode that comes again is reported again', () => {
    const { episode, reported } = begin()
    for (let time = 0; time < 2; time++) {
      episode.fail('full')
      episode.succeed()
    }
    expect(reported.map(({ code }) => code)).toEqual(['retry-began', 'retry-ended', 'retry-began', 'retry-ended'])
  })

  test('an episode is silent while all goes well', () => {
    const { episode, reported } = begin()
    episode.succeed()
    expect(reported).toEqual([])
  })
})

test('each code of docs/records.md is a code of the source', async () => {
  const page = await Bun.file(join(ROOT, 'docs/records.md')).text()
  const codes = [...page.matchAll(/^\| `([a-z-]+)` +\| (error|warn|info)/gm)].map(([, code]) => code!)
  const source = readSources().map(({ text }) => text)
  expect(codes.length).toBeGreaterThan(10)
  expect(codes.filter(code => !source.some(text => text.includes(`code: '${code}'`)))).toEqual([])
})
