import { describe, expect, test } from 'bun:test'
import { readSources } from '../test-support/sources.ts'
import { programOfEmaki, programOfMain, type Started } from './program.ts'
import { verbs } from './verbs.ts'

const started: Started = {
  ...{ isBinary: false, execPath: '/opt/bun', execArgv: [], main: '/srv/shop/main.ts', cwd: '/srv/shop' },
  isOnPath: () => true,
}
const nowhere = () => false

describe('how a shell starts a program again', () => {
  test.each<readonly [what: string, more: Partial<Started>, words: readonly string[]]>([
    ['a source', {}, ['bun', './main.ts']],
    ['a source of another folder', { cwd: '/srv/other' }, ['bun', '/srv/shop/main.ts']],
    ['a source where bun is not on the path', { isOnPath: nowhere }, ['/opt/bun', './main.ts']],
    [
      'a source with options of bun, without hot reload',
      { execArgv: ['--hot', '--env-file', '.env.live'] },
      ['bun', '--env-file', '.env.live', './main.ts'],
    ],
    ['a binary', { isBinary: true, execPath: '/srv/shop/dist/shop' }, ['./dist/shop']],
    ['a binary of another folder', { isBinary: true, execPath: '/usr/bin/shop' }, ['/usr/bin/shop']],
  ])('%s is started so', (_, more, words) => {
    expect(programOfMain({ ...started, ...more })).toEqual(words)
  })

  test('an app without a main is started by emaki, with the file of the app', () => {
    const named = ['--app', 'shop.ts']
    expect(programOfEmaki(named, started)).toEqual(['emaki', '--app', 'shop.ts'])
    const main = '/srv/shop/node_modules/emaki/bin.js'
    const words = ['/opt/bun', './node_modules/emaki/bin.js', '--app', 'shop.ts']
    expect(programOfEmaki(named, { ...started, main, isOnPath: nowhere })).toEqual(words)
  })
})

/** The lines of a source that name a verb as a command without `verbCommand`. The name of a lock is no command. */
function writtenCommands(text: string): readonly string[] {
  const names = Object.keys(verbs).join('|')
  const command = new RegExp(`emaki (${names})\\b|[Rr]un (${names})\\b|\\\\\`(${names})\\b|: (${names}) \\$`)
  return text
    .split('\n')
    .filter(line => !/^\s*(\/\/|\/?\*)/.test(line) && /['`]/.test(line) && command.test(line) && !line.includes('_lock('))
}

test('every text that tells an operator to run a verb gives the command of this process', () => {
  const found = readSources().flatMap(({ path, text }) => writtenCommands(text).map(line => `${path}: ${line.trim()}`))
  expect(found).toEqual([])
})

const MARK = '`'
test.each([
  "const fix = 'run migrate, or correct SQLITE_FILE'",
  'throw new Error(`it lacks migrations; run emaki migrate`)',
  "const mend = 'To see who reads: emaki status'",
  `const mend = ${MARK}Mend it. To try at once: unpark $${'{name}'}${MARK}`,
  `const mend = ${MARK}\\${MARK}processes preview mails\\${MARK} shows what that is${MARK}`,
])('a text that names a verb by hand is found: %s', line => {
  expect(writtenCommands(line)).toEqual([line])
})
