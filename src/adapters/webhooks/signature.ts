// Signatures by Standard Webhooks (standardwebhooks.com), symmetric: HMAC-SHA256 over `{id}.{timestamp}.{body}`.
// Secrets are `whsec_` and base64.
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Verify } from '../../dispatch/verify.ts'

/** The three headers of a message. */
export type SignedHeaders = {
  readonly 'webhook-id': string
  /** In seconds since 1970. */
  readonly 'webhook-timestamp': string
  /** One signature for each secret, with a space between. */
  readonly 'webhook-signature': string
}

/** Reads the keys of secrets. Throws a TypeError for a bad secret; the error does not contain it. */
export function keysOf(where: string, secrets: string | readonly string[]): readonly Buffer[] {
  const all = typeof secrets === 'string' ? [secrets] : secrets
  if (all.length === 0) throw new TypeError(`${where}: no secret is given`)
  return all.map(secret => {
    const text = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : ''
    const key = Buffer.from(text, 'base64')
    if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text) || key.length < KEY_BYTES_MIN || key.length > KEY_BYTES_MAX)
      throw new TypeError(`${where}: a secret is whsec_ and the base64 of ${KEY_BYTES_MIN} to ${KEY_BYTES_MAX} random bytes`)
    return key
  })
}

/** Signs a message with each of the keys. */
export function sign(keys: readonly Buffer[], id: string, seconds: number, body: string): SignedHeaders {
  const timestamp = String(seconds)
  const signatures = keys.map(key => `${VERSION},${mac(key, id, timestamp, body).toString('base64')}`)
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') }
}

/**
 * Makes a check for requests that are signed by Standard Webhooks with one of these secrets. While you replace a
 * secret, give the old and the new one.
 * A message is refused if its time differs from now by more than `toleranceMs` (default: 300 000), so that nobody can
 * repeat an overheard message.
 *
 * @example
 * inbox('payments', { verify: standardWebhooks('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'), … })
 */
export function standardWebhooks(
  secrets: string | readonly string[],
  { toleranceMs = 300_000, now = Date.now }: { readonly toleranceMs?: number; readonly now?: () => number } = {},
): Verify {
  const keys = keysOf('standardWebhooks()', secrets)
  return (header, body) => {
    const [id, timestamp, signature] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map(header)
    if (!id || !timestamp || !signature) return 'webhook-id, webhook-timestamp or webhook-signature is missing'
    if (!/^\d{1,12}$/.test(timestamp)) return 'webhook-timestamp is no time in seconds since 1970'
    if (Math.abs(now() - Number(timestamp) * 1_000) > toleranceMs) return 'webhook-timestamp is too far from now'
    const given = signature.split(' ').slice(0, SIGNATURES_MAX).map(decodeSignature)
    const isOurs = keys.some(key => given.some(one => isSame(mac(key, id, timestamp, body), one)))
    return isOurs ? null : 'no webhook-signature is by a secret that is known here'
  }
}

function decodeSignature(signature: string): Buffer {
  return signature.startsWith(`${VERSION},`) ? Buffer.from(signature.slice(VERSION.length + 1), 'base64') : Buffer.alloc(0)
}

/** Compares two buffers in constant time. */
function isSame(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}

function mac(key: Buffer, id: string, timestamp: string, body: string): Buffer {
  return createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest()
}

const PREFIX = 'whsec_'
const VERSION = 'v1'
const KEY_BYTES_MIN = 24
const KEY_BYTES_MAX = 64
const SIGNATURES_MAX = 16
