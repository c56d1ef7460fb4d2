// File systems of a test, where it may mount them.

import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cleanUpLater } from './cleanup.ts'
import { newFolder } from './sqlite.ts'

export function mount(...options: string[]): boolean {
  return Bun.spawnSync(['mount', ...options], { stdout: 'ignore', stderr: 'ignore' }).success
}

export function mountFolder(options: string): string {
  const path = newFolder()
  if (!mount('-t', 'tmpfs', '-o', options, 'tmpfs', path)) throw new Error(`cannot mount ${path}`)
  cleanUpLater(() => Bun.spawnSync(['umount', '-l', path]))
  return path
}

export function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !existsSync('/proc/mounts')) return skip('needs root on Linux')
  const path = mkdtempSync(join(tmpdir(), 'emaki-mount-'))
  const can = mount('-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path)
  if (can) Bun.spawnSync(['umount', path])
  rmSync(path, { recursive: true })
  return can || skip('may not mount')
}

function skip(why: string): false {
  console.log(`tests on a file system of their own are skipped: ${why}`)
  return false
}
