// Keys of what processors have sent. They have no end at first. A key gets one once its event cannot come again.

/** How long a key is kept after its event cannot come again, in ms. A processor that is reset meanwhile still knows it. */
export const PASSED_KEEP_MS: number = 30 * 86_400_000
/** A processor counts as removed when no process has run it for so long, in ms. */
export const GONE_MS: number = 365 * 86_400_000

/** The subscription of a processor. Times in ms since 1970. */
export type SentProgress = {
  readonly position: number
  readonly savedAt: number
  /** The lowest position at which something is parked. */
  readonly parked: number | null
  /** When its lease ends or has ended. */
  readonly leasedUntil: number | null
}

/** The processor that has sent a command by a key. Null: none has. */
export function senderOfKey(key: string): string | null {
  const [kind, name, ...rest] = key.split(':')
  return kind === 'agenda' && rest.length > 0 ? name! : null
}

/**
 * Up to which position of an effect the keys of a processor get an end, and in how many ms. The effect of an event is after
 * it, and an event comes again only after the checkpoint, or from a parked one on. Null: the processor has not begun.
 */
export function endOfSentKeys(progress: SentProgress | null, now: number): { readonly upTo: number; readonly keepMs: number } {
  if (!progress) return { upTo: Number.MAX_SAFE_INTEGER, keepMs: GONE_MS }
  const { position, savedAt, parked, leasedUntil } = progress
  const isGone = Math.max(savedAt, leasedUntil ?? 0) <= now - GONE_MS
  return { upTo: isGone ? Number.MAX_SAFE_INTEGER : Math.min(position, parked ?? position), keepMs: PASSED_KEEP_MS }
}
