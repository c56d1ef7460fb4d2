// A position in a log as text: the id of an event stream, and the cursor of a client.
import type { LogIdentity } from './upkeep.ts'

/**
 * A position of a log, with its epoch. A restore to an earlier time raises the epoch, because positions are then used
 * again.
 */
export type Token = { readonly epoch: number; readonly position: number }

/** The text of a position: the position alone in the first epoch, `epoch.position` in a later one. */
export function token({ epoch }: Pick<LogIdentity, 'epoch'>, position: number): string {
  return epoch === 1 ? String(position) : `${epoch}.${position}`
}

/** Parses a token; null: the text is no token. */
export function parseToken(text: string): Token | null {
  const found = /^(?:([2-9]|[1-9][0-9]{1,8})\.)?(0|[1-9][0-9]{0,15})$/.exec(text)
  const position = Number(found?.[2])
  return found && Number.isSafeInteger(position) ? { epoch: Number(found[1] ?? 1), position } : null
}
