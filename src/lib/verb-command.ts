// The command that runs a verb of this program, for messages that tell an operator what to do.

/** How a shell starts this program. Null: nobody said it, as in a server without our `main`. */
let program: readonly string[] | null = null

/** Says with which words a shell starts this program, with the same app. What is said first counts. */
export function nameProgram(words: readonly string[]): void {
  program ??= words
}

/** The line that runs a verb in a shell, as this process was started: `bun ./main.ts unpark orders o1`. */
export function verbCommand(verb: string, ...words: readonly string[]): string {
  return commandLine(program ?? ['emaki'], verb, words)
}

/** The line that runs a verb of a program. Words that begin with `-` are taken as words. */
export function commandLine(started: readonly string[], verb: string, words: readonly string[]): string {
  const end = words.some(word => word.startsWith('-')) ? ['--'] : []
  return [...started, verb, ...end, ...words].map(quoteWord).join(' ')
}

/** A word as a shell takes it. Control characters are written as octal bytes, so that the line stays one line. */
function quoteWord(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word
  if (!/\p{Cc}/u.test(word)) return `'${word.replaceAll("'", String.raw`'\''`)}'`
  return `$'${word.replaceAll(/[\\']/g, String.raw`\$&`).replaceAll(/\p{Cc}/gu, octalBytes)}'`
}

function octalBytes(text: string): string {
  return [...new TextEncoder().encode(text)].map(byte => `\\${byte.toString(8).padStart(3, '0')}`).join('')
}
