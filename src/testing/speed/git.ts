import { CompareError } from './refusal.ts'

/** Runs git in a folder. Gives what it printed, without the last line end; null if it failed. */
export function git(folder: string, ...words: readonly string[]): string | null {
  const found = Bun.which('git')
  if (found === null) throw new CompareError('git is not installed; compare two folders, or install it')
  const { success, stdout } = Bun.spawnSync([found, ...words], { cwd: folder, stdin: 'ignore', stderr: 'ignore' })
  return success ? stdout.toString().trimEnd() : null
}

/** The commit that a folder has checked out, and whether its files differ from it; null: it is in no repository. */
export function commitOf(folder: string): { readonly commit: string; readonly isDirty: boolean } | null {
  const commit = Bun.which('git') === null ? null : git(folder, 'rev-parse', 'HEAD')
  return commit === null ? null : { commit, isDirty: git(folder, 'status', '--porcelain', '--', '.') !== '' }
}
