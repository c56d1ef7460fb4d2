// Several processes on one port: the system spreads connections over them (SO_REUSEPORT), the database keeps the order
// of their writes.
import type { Config } from '../config.ts'
import { appFile } from './app-file.ts'
import { EXIT } from './exit-codes.ts'
import { logger } from './log.ts'

const RESTART_AFTER_MS = 1_000
/** Set in a process that shares its port with others. */
export const WORKER = 'EMAKI_WORKER'

/** Starts workers, and restarts one that ends by itself. After a signal, ends once all workers have ended. */
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
          // A worker ends when this pipe closes, so it does not outlive the process that would stop it.
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

/** The command that starts this program with the same app: a binary by itself, a source by bun. */
function self(): string[] {
  const named = appFile(process.argv.slice(2))?.named ?? []
  return Bun.isStandaloneExecutable ? [process.execPath] : [process.execPath, Bun.main, ...named]
}
