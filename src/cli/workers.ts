// Several processes on one port: the system spreads connections over them (SO_REUSEPORT), the database keeps the order
// of their writes.
import { type Config, printingOf } from '../config.ts'
import { backOff } from '../lib/back-off.ts'
import { sleep } from '../lib/sleep.ts'
import { Episode } from '../ports/report/episode.ts'
import type { Report } from '../ports/report/notice.ts'
import { printReports } from '../ports/report/print.ts'
import { appFile } from './app-file.ts'
import { EXIT } from './exit-codes.ts'

const RESTART = { firstMs: 1_000, maxMs: 30_000 }
/** A worker that lived so long has started well, in ms. */
const STEADY_MS = 60_000
/** Set in a process that shares its port with others. */
export const WORKER = 'EMAKI_WORKER'

/** Starts workers, and another for one that ends by itself, later each time. After a signal, ends once all have ended. */
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
  await superviseAll(many, printReports(printingOf(config)))
  return 0
}

async function superviseAll(many: number, report: Report): Promise<void> {
  const stopping = new AbortController()
  const running = new Set<Bun.Subprocess>()
  const stop = (signal: NodeJS.Signals) => {
    stopping.abort()
    for (const worker of running) worker.kill(signal)
  }
  process.on('SIGTERM', stop).on('SIGINT', stop)
  await Promise.all(
    Array.from({ length: many }, async (_, i) => {
      const failing = new Episode({ report, what: `worker ${i} ended by itself`, mend: 'Its own records say why.' })
      while (!stopping.signal.aborted) {
        const worker = startWorker(i)
        running.add(worker)
        const steady = setTimeout(() => failing.succeed(), STEADY_MS)
        const code = await worker.exited
        clearTimeout(steady)
        running.delete(worker)
        if (!stopping.signal.aborted) await sleep(backOff(failing.fail(`exit code ${code}`), RESTART), stopping.signal)
      }
    }),
  )
}

function startWorker(i: number): Bun.Subprocess {
  return Bun.spawn([...self(), 'serve'], {
    env: { ...process.env, [WORKER]: String(i) },
    // A worker ends when this pipe closes, so it does not outlive the process that would stop it.
    stdin: 'pipe',
    stdout: 'inherit',
    stderr: 'inherit',
  })
}

/** The command that starts this program with the same app: a binary by itself, a source by bun. */
function self(): string[] {
  const named = appFile(process.argv.slice(2))?.named ?? []
  return Bun.isStandaloneExecutable ? [process.execPath] : [process.execPath, Bun.main, ...named]
}
