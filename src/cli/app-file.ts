// --app FILE: which app `emaki` runs. It is taken off before the verbs see the rest, as an app's own main has no such option.

export type AppFile = {
  readonly file: string
  /** The arguments that name it, for a process that is started anew with the same app. */
  readonly named: readonly string[]
  readonly rest: readonly string[]
}

/** The file that `--app FILE` or `--app=FILE` names, else `app.ts`; the last one counts. Null: it names none. */
export function appFile(argv: readonly string[]): AppFile | null {
  let [file, named, rest]: [string, readonly string[], string[]] = ['app.ts', [], []]
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i]!
    if (argument === '--') return { file, named, rest: [...rest, ...argv.slice(i)] }
    if (argument !== '--app' && !argument.startsWith('--app=')) {
      rest.push(argument)
      continue
    }
    const value = argument === '--app' ? argv[++i] : argument.slice('--app='.length)
    if (!value) return null
    ;[file, named] = [value, ['--app', value]]
  }
  return { file, named, rest }
}
