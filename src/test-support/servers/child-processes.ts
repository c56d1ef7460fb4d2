import { existsSync, readdirSync, readFileSync } from 'node:fs'

/** The processes whose parent is `pid`. Only exact while the parent is stopped, as it may start others meanwhile. */
export function childProcesses(pid: number): number[] {
  return processTable().flatMap(([child, parent]) => (parent === pid ? [child] : []))
}

/** Signals a process that may have ended meanwhile. */
export function signalIfAlive(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as { code?: string }).code !== 'ESRCH') throw error
  }
}

/** Process and parent, of all processes. Slim Linux images have no `ps`, other systems have no /proc. */
function processTable(): (readonly [number, number])[] {
  if (existsSync('/proc/self/stat')) return readdirSync('/proc').filter(isNumber).map(Number).flatMap(fromProc)
  const lines = Bun.spawnSync(['ps', '-A', '-o', 'pid=,ppid=']).stdout.toString().trim().split('\n')
  return lines.map(line => line.trim().split(/\s+/).map(Number) as [number, number])
}

function fromProc(pid: number): (readonly [number, number])[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name stands in brackets and may hold anything, so count from the last one: state, then the parent.
    const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return [[pid, Number(parent)]]
  } catch {
    return []
  }
}

const isNumber = (name: string): boolean => /^\d+$/.test(name)
