// Whether the system holds this process back: the quota of its control group, as Linux says it.
import { readFile } from 'node:fs/promises'
import { formatMs, type Stall } from './stall.ts'

/** The control groups of this process, and where the system shows them. A container sees its own as the root. */
const GROUPS = '/proc/self/cgroup'
const ROOT = '/sys/fs/cgroup'
/** The share of its time for which a process may be held back without a word. */
const SHARE_MAX = 0.25

/** For how long this process was held back since its control group began, in ms. Null: nobody says. */
export async function readThrottledMs(read: (file: string) => Promise<string> = readText): Promise<number | null> {
  const groups = await read(GROUPS).catch(() => '')
  for (const file of new Set([...filesOf(groups), `${ROOT}/cpu.stat`, `${ROOT}/cpu/cpu.stat`])) {
    const text = await read(file).catch(() => '')
    const [, unit, value] = /^throttled_(usec|time) (\d+)$/m.exec(text) ?? []
    if (value !== undefined) return Number(value) / (unit === 'usec' ? 1e3 : 1e6)
  }
  return null
}

/** The files of a process's groups. A line is `0::/path` for version 2, and `1:cpu,cpuacct:/path` for version 1. */
function filesOf(groups: string): readonly string[] {
  return [...groups.matchAll(/^\d+:([^:]*):(.*)$/gm)].flatMap(([, controllers = '', path = '']) => {
    if (controllers === '') return [`${ROOT}${path}/cpu.stat`, `${ROOT}/unified${path}/cpu.stat`]
    return controllers.split(',').includes('cpu') ? [`${ROOT}/${controllers}${path}/cpu.stat`] : []
  })
}

function readText(file: string): Promise<string> {
  return readFile(file, 'utf8')
}

/** Explains that a process was held back for a part of a time. Null: it was not, or not for long. */
export function explainThrottling(throttledMs: number, elapsedMs: number): Stall | null {
  if (throttledMs < elapsedMs * SHARE_MAX) return null
  const sentence = `The system held this process back for ${formatMs(throttledMs)} within ${formatMs(elapsedMs)}, as it has used up its share of the processor.`
  const mend = 'Give the container or service more processor time, or take its limit away (resources.limits.cpu, CPUQuota).'
  return { cause: 'cpu', subject: 'process', sentence, since: null, mend, chain: [] }
}

/** Explains that nothing of this process could run for some time. */
export function explainLoop(blockedMs: number): Stall {
  const sentence = `The event loop of this process was blocked for ${formatMs(blockedMs)}: nothing else could run.`
  const mend = 'Look for long synchronous code in handlers, folds and decisions: bun --cpu-prof shows it.'
  return { cause: 'event-loop', subject: 'process', sentence, since: null, mend, chain: [] }
}

/** Explains that a process takes connections, and does not answer. */
export function explainSilence(silentMs: number): Stall {
  const sentence = `The server on PORT takes connections, and has not answered for ${formatMs(silentMs)}: its event loop is blocked, or it is stopped.`
  const mend = 'Look at the process: top -p PID. If it does not come back, restart it.'
  return { cause: 'event-loop', subject: 'process', sentence, since: null, mend, chain: [] }
}
