// --app FILE: the app that `emaki` runs. The option is removed before the verbs read the rest, because an app's own
// main does not have it.

export type AppFile = {
  readonly file: string
  /** The arguments that name the app, for a process that is started with the same app. */
  readonly named: readonly string[]
  readonly rest: readonly string[]
}

/** The file of `--app FILE` or `--app=FILE`; default: `app.ts`. The last one counts. Null: the option has no file. */
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
