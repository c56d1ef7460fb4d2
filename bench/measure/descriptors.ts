import { existsSync, readFileSync } from 'node:fs'

/** What else a process has open. */
const OTHERS = 500
/** What may be open where nothing tells. */
const ASSUMED = 1_024

export type Connections = { readonly many: number; readonly note: string }

/** As many connections as were asked for, or as this process and its children may have open: fewer are told loudly. */
export function connections(wanted: number): Connections {
  const limits = existsSync('/proc/self/limits') ? readFileSync('/proc/self/limits', 'utf8') : ''
  const soft = /^Max open files +(\d+)/m.exec(limits)
  const most = Math.max(1, (soft ? Number(soft[1]) : ASSUMED) - OTHERS)
  if (wanted <= most) return { many: wanted, note: '' }
  return { many: most, note: `ONLY ${most} CONNECTIONS instead of ${wanted}: raise ulimit -n` }
}

/** Source addresses in turn, so that none runs out of ports: 8 000 connections each. */
export function sourceAddress(index: number): string {
  return `127.0.0.${2 + Math.floor(index / 8_000)}`
}
