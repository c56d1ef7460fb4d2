// Processes that write. Each keeps its own history in a file, line by line, so that it outlives even a SIGKILL.
import { mkdtempSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Appending } from './appending.ts'
import type { Commanding } from './commanding.ts'
import type { Creating } from './creating.ts'
import type { Attempt } from './history.ts'
import type { Waiting } from './waiting.ts'

/** What a process is to do. */
export type Job = Appending | Commanding | Creating | Waiting

export type Writer = {
  /** Resolves when its store is open. */
  readonly ready: Promise<void>
  readonly go: () => void
  /** Its history, once it has ended by itself. Rejects when it failed, or took too long. */
  readonly done: () => Promise<readonly Attempt[]>
  /** Ends it by SIGKILL and gives what it had tried by then. */
  readonly kill: () => Promise<readonly Attempt[]>
  readonly pid: number
}

/** What a process does with its job: `write` tells the history, `go` resolves when all are ready. */
export type Work<J> = (job: J, write: (attempt: Attempt) => void, ready: () => Promise<void>) => Promise<void>

const DONE_MAX_MS = 300_000

export function startWriter(job: Job): Writer {
  const folder = mkdtempSync(join(tmpdir(), 'emaki-race-'))
  const file = join(folder, 'history')
  const ready = Promise.withResolvers<void>()
  const child = Bun.spawn([process.execPath, join(import.meta.dir, 'writer.ts'), JSON.stringify(job), file], {
    stdout: 'inherit',
    stderr: 'inherit',
    ipc: () => ready.resolve(),
    timeout: DONE_MAX_MS,
    killSignal: 'SIGKILL',
  })
  child.exited.then(code => ready.reject(new Error(`a writer ended with ${code} before it was ready`)))
  ready.promise.catch(() => {})

  function history(): readonly Attempt[] {
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
    rmSync(folder, { recursive: true })
    const attempts = lines.filter(line => line.endsWith('}')).map(line => JSON.parse(line) as Attempt)
    // An attempt that was told before it was made is told again at its end.
    return [...new Map(attempts.map(attempt => [attempt.no, attempt])).values()]
  }

  return {
    ready: ready.promise,
    go: () => child.send('go'),
    done: async () => {
      const code = await child.exited
      if (code !== 0) throw new Error(`the writer ${job.who} ended with ${code}`)
      return history()
    },
    kill: async () => {
      child.kill('SIGKILL')
      await child.exited
      return history()
    },
    pid: child.pid,
  }
}

/** Runs writers that begin together; gives what they tried. `begun` is called when they do. */
export async function write(jobs: readonly Job[], begun: () => void = () => {}): Promise<readonly Attempt[]> {
  const writers = jobs.map(startWriter)
  try {
    await Promise.all(writers.map(({ ready }) => ready))
    for (const { go } of writers) go()
    begun()
    return (await Promise.all(writers.map(({ done }) => done()))).flat()
  } catch (error) {
    await Promise.all(writers.map(({ kill }) => kill().catch(() => [])))
    throw error
  }
}

/** Writes a history as `startWriter` reads it. */
export function writeTo(descriptor: number): (attempt: Attempt) => void {
  return attempt => void writeSync(descriptor, `${JSON.stringify(attempt)}\n`)
}
