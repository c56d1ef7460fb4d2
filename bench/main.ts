// bun run bench: installs what the rivals need, then measures. The rest is imported late, as it needs what is installed here.
import { install } from './install.ts'

install()
const { run } = await import('./run.ts')
process.exit(await run(process.argv.slice(2)))
