// Content that is the same for every client, such as a script or a document: read, hashed and compressed once, whoever
// asks how often.
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Context } from 'hono'
import { hasETag } from './etag.ts'

type Bytes = Uint8Array<ArrayBuffer>
/** Compresses content, away from the thread that serves. */
export type Pack = (bytes: Bytes) => Promise<Bytes>
export type FixedContent = {
  readonly tag: string
  readonly headers: Readonly<Record<string, string>>
  readonly bytes: Bytes
  readonly packed: () => Promise<Bytes>
}

/** Makes content with its tag, which is a hash of its bytes. */
export function fixedContent(headers: FixedContent['headers'], bytes: Bytes, pack: Pack = promisify(gzip)): FixedContent {
  return { tag: Bun.hash(bytes).toString(36), headers, bytes, packed: keepResult(() => pack(bytes)) }
}

/** Answers with content, compressed for a client that takes gzip; 304 for one that has it. */
export async function respondWithContent(c: Context, { tag, headers, bytes, packed }: FixedContent): Promise<Response> {
  const isPacked = acceptsGzip(c.req.header('accept-encoding') ?? '')
  // A strong tag would promise the same bytes.
  const all = { ...headers, Vary: 'Accept-Encoding', ETag: isPacked ? `W/"${tag}"` : `"${tag}"` }
  if (hasETag(c, all.ETag)) return c.body(null, 304, all)
  return isPacked ? c.body(await packed(), 200, { ...all, 'Content-Encoding': 'gzip' }) : c.body(bytes, 200, all)
}

function acceptsGzip(accepted: string): boolean {
  return accepted.split(',').some(coding => /^\s*(gzip|\*)\s*(;\s*q=(?!0(\.0*)?\s*$).*)?$/i.test(coding))
}

/** Makes a function that works once, and gives the same result from then on. After a failure it works again. */
export function keepResult<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | null = null
  return () => {
    result ??= work().catch((error: unknown) => {
      result = null
      throw error
    })
    return result
  }
}
