import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

const bench = import.meta.dir

/** Installs the packages of the benchmark, and those of the repository, by their lock files, where they are missing; says whether it did. */
export function install(): boolean {
  let installed = false
  for (const folder of [dirname(bench), bench]) {
    if (existsSync(join(folder, 'node_modules'))) continue
    console.error(`installing the packages of ${folder === bench ? 'bench/' : 'the repository'}`)
    const { success } = Bun.spawnSync([process.execPath, 'install', '--frozen-lockfile'], {
      cwd: folder,
      stdout: 'ignore',
      stderr: 'inherit',
    })
    if (!success) process.exit(1)
    installed = true
  }
  return installed
}
