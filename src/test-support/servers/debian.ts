import { unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Makes sure that these Debian packages are installed.
 *
 * 1. Does nothing when they are.
 * 2. Installs what is missing when we are root. No service is started, as a test starts servers of its own.
 * 3. Throws, saying what to install, when we are not.
 *
 * One installation at a time, also between processes. Quiet unless it fails; then the error shows what apt-get said.
 */
export async function ensureDebian(packages: readonly string[]): Promise<void> {
  const missing = packages.filter(name => !isInstalled(name))
  if (missing.length === 0) return
  const command = `apt-get install ${missing.join(' ')}`
  if (!Bun.which('apt-get')) throw new Error(`This test needs the Debian packages ${missing.join(', ')}, and here is no apt-get.`)
  if (process.getuid?.() !== 0) throw new Error(`This test needs Debian packages that only root can install: ${command}`)
  await install(missing)
}

function isInstalled(name: string): boolean {
  if (!Bun.which('dpkg-query')) return false
  const { stdout } = Bun.spawnSync(['dpkg-query', '-W', '-f', '$' + '{db:Status-Status}', name], { stderr: 'ignore' })
  return stdout.toString() === 'installed'
}

async function install(packages: readonly string[]): Promise<void> {
  const log = join(tmpdir(), `emaki-apt-${crypto.randomUUID()}.log`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' }
  // A session of its own and a log file, so that neither our end nor that of a test leaves a package half installed.
  const { exited } = Bun.spawn(['/bin/sh', '-c', script, 'install', log, ...packages], { env, detached: true, stdin: 'ignore' })
  const code = await exited
  const said = await Bun.file(log).text()
  await unlink(log)
  if (code !== 0) throw new Error(`apt-get could not install ${packages.join(', ')} (exit code ${code}):\n${said}`)
}

/** Debian asks policy-rc.d whether a service may start. One that is there already says the same on images and in containers. */
const script = `
exec >"$1" 2>&1 9>/run/lock/emaki-apt.lock
shift
flock 9
policy=/usr/sbin/policy-rc.d
trap '' HUP INT TERM
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\\nexit 101\\n' >"$policy"
  chmod 755 "$policy"
fi
options='-q -y -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3'
apt-get $options update && apt-get $options install --no-install-recommends "$@"
`
