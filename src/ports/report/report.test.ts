import { join } from 'node:path'
import { describe, expect, test } from 'bun:test'
import { ROOT, readSources } from '../../test-support/sources.ts'
import { Episode } from './episode.ts'
import { parseLevels } from './levels.ts'
import { isWanted, Notice } from './notice.ts'
import { type PrintOptions, printReports } from './print.ts'
import { type Level, LEVELS } from './record.ts'

const parked = new Notice({
  level: 'warn',
  code: 'key-parked',
  message: 'orders_v1 parked o1.',
  fields: { subscription: 'orders_v1', key: 'o1', position: 7 },
  cause: new TypeError('no total'),
})

function print(problem: unknown, isTerminal: boolean): string {
  const lines: string[] = []
  printReports({ write: line => lines.push(line), isTerminal, environment: { NO_COLOR: '1' }, now: () => 0 })(problem)
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
        message: 'orders_v1 could not save; that is over after 3 failures in 3 ms.',
        fields: { subscription: 'orders_v1', failures: 3, lastedMs: 3 },
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

describe('which records are printed', () => {
  const all: readonly (readonly [level: Level, code: string])[] = [
    ['debug', 'command-refused'],
    ['info', 'request'],
    ['info', 'retry-ended'],
    ['warn', 'retry-began'],
    ['warn', 'retrying'],
    ['error', 'request-failed'],
  ]
  function printed(text: string): readonly string[] {
    const lines: string[] = []
    const report = printReports({ write: line => lines.push(line), isTerminal: false, levels: () => parseLevels(text)! })
    for (const [level, code] of all) {
      report(new Notice({ level, code, message: 'It is so.' }))
      expect(isWanted(report, level, code)).toBe(lines.some(line => line.includes(`"code":"${code}"`)))
    }
    return lines.map(line => (JSON.parse(line) as { readonly code: string }).code)
  }

  test.each([
    ['debug', ['command-refused', 'request', 'retry-ended', 'retry-began', 'retrying', 'request-failed']],
    ['warn', ['retry-began', 'retrying', 'request-failed']],
    ['info,retry=error', ['request', 'retrying', 'request-failed']],
    ['error,command=debug,retry-ended=info', ['command-refused', 'retry-ended', 'request-failed']],
    ['info,request=off,request-failed=error', ['retry-ended', 'retry-began', 'retrying', 'request-failed']],
    ['info, request-failed=off', ['request', 'retry-ended', 'retry-began', 'retrying']],
  ])(
    'records are printed by the level of all, and by that of the longest name that their code begins with: %s',
    (text, codes) => {
      expect(printed(text)).toEqual(codes)
    },
  )

  test.each(['', 'loud', 'off', 'info,', 'info,retry', 'info,retry=loud', 'info,Retry=warn', 'retry=warn'])(
    'levels are refused as a whole where a part is none: %j',
    text => expect(parseLevels(text)).toBeNull(),
  )

  test('a report without levels of its own takes all but those of the level debug', () => {
    const report = () => {}
    expect(LEVELS.filter(level => isWanted(report, level, 'request'))).toEqual(['info', 'warn', 'error'])
  })
})

describe('the form of a record', () => {
  const lines = (options: PrintOptions, problem: unknown = parked) => {
    const written: string[] = []
    printReports({ write: line => written.push(line), now: () => 0, environment: {}, ...options })(problem)
    return written.join('')
  }

  test('a record on a terminal has colours, unless NO_COLOR is set, and one in a file has none', () => {
    expect(lines({ isTerminal: true })).toContain('\x1b[33mWARN\x1b[39m')
    expect(lines({ isTerminal: true }, new Error('broken'))).toContain('\x1b[31mERROR\x1b[39m')
    expect(lines({ isTerminal: true, environment: { NO_COLOR: '1' } })).not.toContain('\x1b')
    expect(lines({ isTerminal: false, format: 'text' })).toStartWith('00:00:00 WARN orders_v1 parked o1.\n')
    expect(JSON.parse(lines({ isTerminal: true, format: 'json' }))).toMatchObject({ code: 'key-parked' })
  })

  test('a record for a person moves no cursor, whatever a key holds', () => {
    const notice = new Notice({ level: 'warn', code: 'key-parked', message: 'a\x1b[2Jb', fields: { key: 'o\x1b[2J1' } })
    expect(lines({ isTerminal: false, format: 'text' }, notice)).toBe(
      '00:00:00 WARN a\\u001b[2Jb\n  code=key-parked key=o\\u001b[2J1\n',
    )
  })
})

describe('a secret', () => {
  const secrets = ['s3cret-of-admin']
  const shown = (problem: unknown) => {
    const written: string[] = []
    printReports({ write: line => written.push(line), isTerminal: false, secrets })(problem)
    return written.join('')
  }

  test.each([
    ['a password in a URL', 'cannot reach postgres://app:hunter2!@db:5432/x', 'postgres://app:***@db:5432/x'],
    ['a bearer', 'sent Authorization: Bearer abc.DEF-1', 'Authorization: Bearer ***'],
    ['a parameter', 'GET https://x/?access_token=hunter2&a=1', 'access_token=***&a=1'],
    ['a setting', 'bad value s3cret-of-admin of ADMIN_TOKEN', 'bad value *** of ADMIN_TOKEN'],
    ['a member of JSON', 'got {"password":"hunter2","a":1}', '"password":"***"'.replaceAll('"', '\\"')],
  ])(
    '%s is hidden in the text of a record, in its fields, and in the text, the stack and the causes of its error',
    (_, text, expected) => {
      const cause = new Error('outer', { cause: new Error(text) })
      const written = shown(new Notice({ level: 'warn', code: 'x', message: text, fields: { what: text }, cause }))
      expect(written).not.toMatch(/hunter2|abc\.DEF|s3cret-of-admin/)
      // In the body, in a field, and in the message and the stack of the inner error.
      expect(written.split(expected)).toHaveLength(5)
    },
  )

  test('a field whose name is that of a secret is hidden, and words that only look like one are not', () => {
    const fields = { apiKey: 'hunter2', sessionToken: 'hunter2', key: 'o1', subscription: 'tokens_v1' }
    const written = shown(
      new Notice({ level: 'warn', code: 'x', message: 'The password is wrong; a token was expected.', fields }),
    )
    expect(JSON.parse(written)).toMatchObject({
      body: 'The password is wrong; a token was expected.',
      ...{ apiKey: '***', sessionToken: '***', key: 'o1', subscription: 'tokens_v1' },
    })
  })
})

test('each code of docs/records.md is a code of the source', async () => {
  const page = await Bun.file(join(ROOT, 'docs/records.md')).text()
  const codes = [...page.matchAll(/^\| `([a-z-]+)` +\| (error|warn|info|debug)/gm)].map(([, code]) => code!)
  const source = readSources().map(({ text }) => text)
  expect(codes.length).toBeGreaterThan(10)
  expect(codes.filter(code => !source.some(text => text.includes(`code: '${code}'`)))).toEqual([])
})
