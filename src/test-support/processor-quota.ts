// A part of a processor for a process of a test, by a control group of Linux, where a test may make one.
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { cleanUpLater } from './cleanup.ts'

const ROOT = '/sys/fs/cgroup'
const PERIOD_US = 100_000

/** Gives a process a share of one processor, until the function that is given is called. */
export function limitProcessor(pid: number, share: number): () => void {
  const quota = Math.round(PERIOD_US * share)
  const group = makeGroup(`emaki-${crypto.randomUUID()}`)
  if (existsSync(`${group}/cpu.max`)) writeFileSync(`${group}/cpu.max`, `${quota} ${PERIOD_US}`)
  else writeFileSync(`${group}/cpu.cfs_quota_us`, String(quota))
  writeFileSync(`${group}/cgroup.procs`, String(pid))
  let isOver = false
  const end = () => {
    if (isOver) return
    isOver = true
    try {
      writeFileSync(`${group}/../cgroup.procs`, String(pid))
    } catch {
      // The process has ended.
    }
    rmdirSync(group)
  }
  cleanUpLater(end)
  return end
}

/** Whether a test may do so. If not, the reason is printed. */
export function canLimitProcessor(): boolean {
  try {
    rmdirSync(makeGroup(`emaki-${crypto.randomUUID()}`))
    return true
  } catch (error) {
    console.log(`tests with a quota of the processor are skipped: ${String(error)}`)
    return false
  }
}

/** Version 1 has a tree for each controller. Version 2 has one, whose root has to pass the controller on. */
function makeGroup(name: string): string {
  if (existsSync(`${ROOT}/cpu/cpu.cfs_quota_us`) || existsSync(`${ROOT}/cpu/tasks`)) return made(`${ROOT}/cpu/${name}`)
  writeFileSync(`${ROOT}/cgroup.subtree_control`, '+cpu')
  return made(`${ROOT}/${name}`)
}

function made(folder: string): string {
  mkdirSync(folder)
  return folder
}
