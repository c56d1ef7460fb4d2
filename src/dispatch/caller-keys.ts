/**
 * The key in the log for a key that a caller chose: an actor's key is its own. Callers without an actor share theirs,
 * and these keys are what earlier releases stored. An actor is hashed, so that the longest fits an index.
 */
export function scopeKey(key: string, actor: string | undefined): string {
  return actor === undefined ? key : `actor:${hashText(actor)}:${key}`
}

/** The same text for the same text, in 43 characters of base64url. */
export function hashText(text: string): string {
  return new Bun.CryptoHasher('sha256').update(text).digest('base64url')
}
