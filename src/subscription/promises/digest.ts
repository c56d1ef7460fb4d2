import type { StoredEvent } from '../../ports/store/event.ts'

/** SHA-256 of events, with all that is stored of them, in base64url. */
export function digestOf(events: readonly StoredEvent[]): string {
  const hasher = new Bun.CryptoHasher('sha256')
  for (const { position, stream, version, id, type, schema, data, meta, at } of events)
    hasher.update(JSON.stringify([position, stream, version, id, type, schema, data, meta, at]))
  return hasher.digest('base64url')
}
