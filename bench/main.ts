// bun run bench: installs what the rivals need, then measures. The rest is imported late, as it needs what is installed here.
import { install } from './install.ts'

const argv = process.argv.slice(2)
// A process that has looked for a package in vain does not find it after it was installed: another one does.
if (install())
  process.exit(Bun.spawnSync([process.execPath, import.meta.path, ...argv], { stdio: ['ignore', 'inherit', 'inherit'] }).exitCode)
const { run } = await import('./run.ts')
process.exit(await run(argv))
