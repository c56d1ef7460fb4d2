// One purge request. It has a deadline, its error names the status, and no error contains a secret.

export type PurgeRequest = {
  readonly method: 'POST' | 'PURGE'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly deadlineMs: number
}

/** Gives the body of the answer. Rejects with the status if it is not 2xx. */
export async function sendPurge(url: string, { deadlineMs, ...request }: PurgeRequest): Promise<string> {
  const response = await fetch(url, { ...request, redirect: 'error', signal: AbortSignal.timeout(deadlineMs) })
  const text = await response.text()
  if (response.ok) return text
  throw new Error(`A purge at ${new URL(url).host} expected 2xx, found ${response.status}: ${text.slice(0, TEXT_CHARS_MAX)}`)
}

/**
 * Divides tags into parts of at most `countMax` tags and `charsMax` characters, counting one character between two
 * tags.
 */
export function chunks(
  tags: readonly string[],
  countMax: number,
  charsMax: number = Number.POSITIVE_INFINITY,
): readonly string[][] {
  const found: string[][] = []
  let chars = 0
  for (const tag of new Set(tags)) {
    const last = found.at(-1)
    if (last && last.length < countMax && chars + 1 + tag.length <= charsMax) {
      last.push(tag)
      chars += 1 + tag.length
    } else {
      found.push([tag])
      chars = tag.length
    }
  }
  return found
}

export const DEADLINE_MS = 5_000
const TEXT_CHARS_MAX = 200
