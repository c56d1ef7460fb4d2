import { follow, readLog } from './follow.ts'
import { type Attempt, type History, violations } from './history.ts'
import type { RaceLog } from './race-log.ts'
import { type Job, write } from './writers.ts'

export type Storm = {
  readonly wrong: readonly string[]
  readonly tally: Readonly<Record<string, number>>
  readonly history: History
}

/** What happens to the writers while they write. */
export type Trouble = { readonly start: () => void; readonly stop: () => Promise<unknown> }

/** Lets processes write while two readers follow the log, with pages of different sizes, and looks at what came of it. */
export async function storm(log: RaceLog, jobs: readonly Job[], trouble?: Trouble): Promise<Storm> {
  const readers = await Promise.all([7, 100].map(async limit => follow(await log.store(), `the reader of ${limit}`, limit)))
  for (const reader of readers) reader.run()
  const attempts = await write(jobs, trouble?.start)
  await trouble?.stop()
  const readings = await Promise.all(readers.map(reader => reader.stop()))
  const history = { attempts, log: await readLog(await log.store()), readings }
  return { wrong: violations(history), tally: tallyOf(attempts), history }
}

/** How often each outcome came. */
export function tallyOf(attempts: readonly Attempt[]): Readonly<Record<string, number>> {
  const tally: Record<string, number> = {}
  for (const { outcome } of attempts) tally[outcome] = (tally[outcome] ?? 0) + 1
  return tally
}
