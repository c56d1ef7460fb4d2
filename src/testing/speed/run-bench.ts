// One run of a bench, in a process of its own in the folder of its side.
import { existsSync } from 'node:fs'
import { extname, isAbsolute, join } from 'node:path'
import type { BenchResult } from './measure-bench.ts'
import { CompareError } from './refusal.ts'
import type { SpeedSide } from './side.ts'

/** The program that measures: TypeScript here, JavaScript in the package. */
const PROGRAM = join(import.meta.dir, `measured-bench${extname(import.meta.path)}`)
/** How long a run may take beside what is measured, for its start and its preparation. */
const PREPARE_MS_MAX = 60_000

/** The file of a bench on a side. Throws a CompareError if it is not there. */
export function benchFile({ name, folder }: SpeedSide, bench: string): string {
  if (isAbsolute(bench)) throw new CompareError(`the bench ${bench} is absolute; name it as it is called in both sides`)
  const file = join(folder, bench)
  if (!existsSync(file)) throw new CompareError(`${name} has no ${bench}; each side brings its own`)
  return file
}

/** Runs the bench once. Throws a CompareError with the last line that it printed if it fails. */
export async function runBench(side: SpeedSide, bench: string, ms: number, signal: AbortSignal): Promise<BenchResult> {
  let result: BenchResult | null = null
  const child = Bun.spawn([process.execPath, PROGRAM, benchFile(side, bench), String(ms)], {
    cwd: side.folder,
    env: { NODE_ENV: 'production', ...process.env },
    stdio: ['ignore', 'ignore', 'pipe'],
    ipc: message => {
      result = message as BenchResult
    },
    signal,
    timeout: ms * 2 + PREPARE_MS_MAX,
  })
  const [said, code] = await Promise.all([child.stderr.text(), child.exited])
  if (code === 0 && result !== null) return result
  const why = child.signalCode === null ? errorOf(said) : `it was ended by ${child.signalCode}`
  throw new CompareError(`${bench} fails in ${side.name}: ${why}`)
}

/** The error of a process that Bun printed, or its last line. */
function errorOf(said: string): string {
  const lines = said.trim().split('\n').filter(Boolean)
  return lines.findLast(line => /^\w*(Error|error)\b.*: /.test(line)) ?? lines.at(-1) ?? 'it ended early and printed nothing'
}
