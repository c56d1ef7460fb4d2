// Runs a command whose processes share one PostgreSQL: bun src/test-support/with-postgres.ts bun test
// Each file of tests may run in a process of its own, and would start a server of its own.
import { SHARED_URL, startPostgres } from './servers/postgres.ts'

const isGiven = Boolean(process.env['DATABASE_URL'])
const server = isGiven ? null : await startPostgres()
const env = { ...process.env, ...(server && { [SHARED_URL]: server.url }) }
const child = Bun.spawn(process.argv.slice(2), { stdio: ['inherit', 'inherit', 'inherit'], env })
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
const code = await child.exited
await server?.stop()
process.exit(code)
