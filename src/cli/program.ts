// How a shell starts this program again: a binary by itself, a source by bun, an app without a main by `emaki`.
import { relative } from 'node:path'

export type Started = {
  readonly isBinary: boolean
  readonly execPath: string
  /** Options of bun itself. */
  readonly execArgv: readonly string[]
  /** The file that bun runs. */
  readonly main: string
  readonly cwd: string
  readonly isOnPath: (name: string) => boolean
}

/** How this process was started. */
function startOfProcess(): Started {
  const { execPath, execArgv } = process
  const isOnPath = (name: string) => Bun.which(name) !== null
  return { isBinary: Bun.isStandaloneExecutable, execPath, execArgv, main: Bun.main, cwd: process.cwd(), isOnPath }
}

/** The words with which a shell starts an app's own main in the folder of this process. */
export function programOfMain(started: Started = startOfProcess()): readonly string[] {
  const { isBinary, execPath, execArgv, main, cwd, isOnPath } = started
  if (isBinary) return [fileIn(cwd, execPath)]
  const options = execArgv.filter(option => !/^--(hot|watch|no-clear-screen|inspect)/.test(option))
  return [isOnPath('bun') ? 'bun' : execPath, ...options, fileIn(cwd, main)]
}

/** The words with which a shell starts `emaki` with the same app. `named`: the arguments that name the app. */
export function programOfEmaki(named: readonly string[], started: Started = startOfProcess()): readonly string[] {
  return [...(started.isOnPath('emaki') && !started.execArgv.length ? ['emaki'] : programOfMain(started)), ...named]
}

/** A path that a shell takes for a file: below the folder from there, else from the root. */
function fileIn(folder: string, file: string): string {
  const path = relative(folder, file)
  return path.startsWith('..') ? file : `./${path}`
}
