// PostgreSQL and PgBouncer refuse to run as root, and CI often is root. Then servers run as a user that owns nothing.

import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type ServerUser = { readonly uid: number; readonly gid: number }

/** The user of servers: nobody if we are root (or postgres if there is no nobody), otherwise ourselves (undefined). */
export function serverUser(): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined
  const users = readFileSync('/etc/passwd', 'utf8').split('\n')
  const entry = users.find(line => line.startsWith('nobody:')) ?? users.find(line => line.startsWith('postgres:'))
  if (!entry) throw new Error('Servers cannot run as root here: /etc/passwd has neither the user nobody nor postgres.')
  const [, , uid, gid] = entry.split(':')
  return { uid: Number(uid), gid: Number(gid) }
}

/** Whether the user may enter this folder (or run this file), asked of the kernel, as every folder above it counts. */
export function canReach(path: string, user: ServerUser | undefined): boolean {
  return Bun.spawnSync(['test', '-x', path], { cwd: '/', ...user }).success
}

/** A path for a fresh folder, in a temporary folder where this user can make one. */
export function serverFolder(name: string, user: ServerUser | undefined): string {
  const base = [tmpdir(), '/tmp'].find(path => canReach(path, user) && canWrite(path, user))
  if (!base) throw new Error(`The servers' user can make a folder neither in ${tmpdir()} nor in /tmp.`)
  return join(base, `emaki-${name}-${crypto.randomUUID()}`)
}

function canWrite(path: string, user: ServerUser | undefined): boolean {
  return Bun.spawnSync(['test', '-w', path], { cwd: '/', ...user }).success
}
