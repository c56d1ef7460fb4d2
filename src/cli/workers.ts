// N processes on one port: the system spreads connections over them (SO_REUSEPORT), the database keeps their order.
import type { Config } from '../config.ts'
import { appFile } from './app-file.ts'
import { EXIT } from './exit-codes.ts'
import { logger } from './log.ts'

const RESTART_AFTER_MS = 1_000
/** Set for a process that shares its port. */
export const WORKER = 'EMAKI_WORKER'

/** Starts workers, restarts one that ends by itself, and ends when they have, after a signal. */
export async function workers(config: Config, count: string): Promise<number> {
  const many = /^[1-9][0-9]?$/.test(count) ? Number(count) : 0
  const wrong =
    many === 0
      ? `--workers takes a number from 1 to 99; found ${count}`
      : config.DATABASE_URL === undefined
        ? '--workers needs PostgreSQL: set DATABASE_URL'
        : config.PORT === 0
          ? '--workers needs a PORT'
          : null
  if (wrong !== null) {
    console.error(wrong)
    return EXIT.USAGE
  }
  const log = logger(config.LOG_LEVEL)
  let stopping = false
  const running = new Set<Bun.Subprocess>()
  const stop = (signal: NodeJS.Signals) => {
    stopping = true
    for (const worker of running) worker.kill(signal)
  }
  process.on('SIGTERM', stop).on('SIGINT', stop)
  await Promise.all(
    Array.from({ length: many }, async (_, i) => {
      for (let first = true; !stopping; first = false) {
        if (!first) await Bun.sleep(RESTART_AFTER_MS)
        if (stopping) return
        const worker = Bun.spawn([...self(), 'serve'], {
          env: { ...process.env, [WORKER]: String(i) },
          // It ends when this pipe does: a worker does not outlive the process that would stop it.
          stdin: 'pipe',
          stdout: 'inherit',
          stderr: 'inherit',
        })
        running.add(worker)
        const code = await worker.exited
        running.delete(worker)
        if (!stopping) log('error', `worker ${i} ended with ${code}; starting another`)
      }
    }),
  )
  return 0
}

/** How this program is started, with the same app: a binary by itself, a source by bun. */
function self(): string[] {
  const named = appFile(process.argv.slice(2))?.named ?? []
  return Bun.isStandaloneExecutable ? [process.execPath] : [process.execPath, Bun.main, ...named]
}
