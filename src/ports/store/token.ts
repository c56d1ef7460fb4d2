// Where somebody is in the log, as text: what an event stream's id and a client's cursor are.
import type { LogIdentity } from './upkeep.ts'

/** A position of a log. Positions are used again after a restore to an earlier time, which raises the epoch. */
export type Token = { readonly epoch: number; readonly position: number }

/** The token of a position: the position alone in the first epoch, `epoch.position` in a later one. */
export function token({ epoch }: Pick<LogIdentity, 'epoch'>, position: number): string {
  return epoch === 1 ? String(position) : `${epoch}.${position}`
}

/** What a token names; null: it is none. */
export function parseToken(text: string): Token | null {
  const found = /^(?:([2-9]|[1-9][0-9]{1,8})\.)?(0|[1-9][0-9]{0,15})$/.exec(text)
  const position = Number(found?.[2])
  return found && Number.isSafeInteger(position) ? { epoch: Number(found[1] ?? 1), position } : null
}
