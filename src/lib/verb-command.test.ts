import { expect, test } from 'bun:test'
import { commandLine, verbCommand } from './verb-command.ts'

const LINES: readonly (readonly string[])[] = [
  ['unpark', 'orders', 'o1'],
  ['unpark', 'orders', 'two words', "it's", '"', '\\', '$HOME', '`id`', '*', '~', '', '!!', 'ä'],
  ['unpark', 'orders', "a\nb'\\1\t2\u0085", ';', '&&'],
]

test.each(LINES)('a shell reads the words of a command as they were: %s', async (verb, ...words) => {
  const line = commandLine(['bun', './my app/main.ts'], verb!, words)
  expect(line).not.toContain('\n')
  const shell = Bun.spawn(['bash', '-c', `printf '%s\\0' ${line}`])
  expect((await shell.stdout.text()).split('\0').slice(0, -1)).toEqual(['bun', './my app/main.ts', verb!, ...words])
})

test('a word that looks like an option stands after --', () => {
  expect(commandLine(['emaki', '--app', 'shop.ts'], 'skip', ['orders', '-1'])).toBe('emaki --app shop.ts skip -- orders -1')
})

test('a process that was started by none of our mains names the command of the package', () => {
  expect(verbCommand('unpark', 'orders', 'o1')).toBe('emaki unpark orders o1')
})
