import { checkOptions, type OptionKinds } from '../../definitions/options.ts'
import { encodeTag } from '../../ports/cache/tags.ts'
import type { Purger } from '../../ports/purger/purger.ts'
import { chunks, DEADLINE_MS, sendPurge } from './request.ts'

export type CloudflareOptions = {
  /** The zone's id. */
  readonly zone: string
  /** A token with the permission to purge its cache. */
  readonly token: string
  /** Default: https://api.cloudflare.com/client/v4. */
  readonly url?: string
  /** The longest time of a request, in ms. Default: 5,000. */
  readonly deadlineMs?: number
}

const OPTIONS: OptionKinds<keyof CloudflareOptions> = { zone: 'text', token: 'text', url: 'text?', deadlineMs: 'number?' }

/** Purges by `Cache-Tag` in a zone of Cloudflare, 30 tags in a request. */
export function cloudflarePurger(options: CloudflareOptions): Purger {
  checkOptions('cloudflarePurger', options, OPTIONS)
  const { zone, token, url = 'https://api.cloudflare.com/client/v4', deadlineMs = DEADLINE_MS } = options
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }
  const send = async (what: object) => {
    const at = `${url}/zones/${encodeURIComponent(zone)}/purge_cache`
    const text = await sendPurge(at, { method: 'POST', headers, body: JSON.stringify(what), deadlineMs })
    if (!hasSucceeded(text)) throw new Error(`A purge at Cloudflare expected success, found: ${text.slice(0, TEXT_CHARS_MAX)}`)
  }
  return {
    purge: async tags => {
      for (const some of chunks(tags.map(encodeTag), TAGS_MAX)) await send({ tags: some })
    },
    purgeAll: () => send({ purge_everything: true }),
  }
}

function hasSucceeded(text: string): boolean {
  try {
    return (JSON.parse(text) as { readonly success?: unknown } | null)?.success === true // The answer may be any JSON.
  } catch {
    return false
  }
}

const TAGS_MAX = 30
const TEXT_CHARS_MAX = 200
