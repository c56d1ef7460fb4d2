// A side of a comparison: a folder as it is, or a git ref in a temporary worktree.
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { commitOf, git } from './git.ts'
import { CompareError } from './refusal.ts'

export type SpeedSide = {
  /** As it was given. */
  readonly name: string
  readonly folder: string
  /** Null: it is in no repository. */
  readonly commit: string | null
  /** Whether files of the folder differ from its commit. */
  readonly isDirty: boolean
  /** Removes what was made for it. It may be called twice. */
  readonly remove: () => void
}

const REF = 'git:'
const INSTALL_MS_MAX = 300_000

/**
 * Opens a side. `git:REF` is a ref of the repository of the current folder. Another name is a folder if there is one, and
 * else a ref. `onMade` gets what removes a worktree, before anything is put into it.
 */
export async function openSide(name: string, cwd: string, onMade: (remove: () => void) => void): Promise<SpeedSide> {
  const folder = resolve(cwd, name)
  if (name.startsWith(REF)) return openRef(name, name.slice(REF.length), cwd, onMade)
  if (!existsSync(folder) || !statSync(folder).isDirectory()) return openRef(name, name, cwd, onMade)
  const { commit, isDirty } = commitOf(folder) ?? { commit: null, isDirty: false }
  return { name, folder, commit, isDirty, remove: () => {} }
}

async function openRef(name: string, ref: string, cwd: string, onMade: (remove: () => void) => void): Promise<SpeedSide> {
  const root = git(cwd, 'rev-parse', '--show-toplevel')
  if (root === null)
    throw new CompareError(`${name} is no folder, and ${cwd} is in no git repository that could have it as a ref`)
  const commit = git(cwd, 'rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`)
  if (commit === null) throw new CompareError(`${name} is neither a folder nor a ref of the repository ${root}`)
  const place = mkdtempSync(join(tmpdir(), 'emaki-compare-'))
  const tree = join(place, 'tree')
  const remove = () => {
    if (!existsSync(place)) return
    git(root, 'worktree', 'remove', '--force', tree)
    rmSync(place, { recursive: true, force: true })
    git(root, 'worktree', 'prune')
  }
  onMade(remove)
  if (git(root, 'worktree', 'add', '--detach', tree, commit) === null)
    throw new CompareError(`git cannot check out ${name} in ${tree}; \`git worktree add --detach\` says why`)
  const folder = join(tree, git(cwd, 'rev-parse', '--show-prefix') ?? '')
  if (!existsSync(folder)) throw new CompareError(`${name} has no folder ${git(cwd, 'rev-parse', '--show-prefix')}`)
  await install(name, folder, tree)
  return { name, folder, commit, isDirty: false, remove }
}

/** Installs by the lockfile of the folder or of the repository. A folder without package.json needs nothing. */
async function install(name: string, folder: string, tree: string): Promise<void> {
  const place = [folder, tree].find(place => existsSync(join(place, 'package.json')))
  if (place === undefined) return
  const isLocked = [folder, tree].some(place => ['bun.lock', 'bun.lockb'].some(file => existsSync(join(place, file))))
  const words = ['install', ...(isLocked ? ['--frozen-lockfile'] : ['--no-save'])]
  const child = Bun.spawn([process.execPath, ...words], {
    cwd: place,
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: INSTALL_MS_MAX,
  })
  const [said, code] = await Promise.all([child.stderr.text(), child.exited])
  if (code !== 0) throw new CompareError(`${name}: \`bun ${words.join(' ')}\` failed: ${lastLine(said)}`)
}

/** The last line that says something. */
export function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) || 'it printed nothing'
}
