import { checkOptions, type OptionKinds } from '../../definitions/options.ts'
import { encodeTag } from '../../ports/cache/tags.ts'
import type { Purger } from '../../ports/purger/purger.ts'
import { chunks, DEADLINE_MS, sendPurge } from './request.ts'

export type VarnishOptions = {
  /** The URL of Varnish. Name every server, because each has a cache of its own. */
  readonly url: string | readonly string[]
  /**
   * Keeps a purged answer for as long as it may be stale, while it is fetched again. Default: false, the answer is
   * deleted.
   */
  readonly isSoft?: boolean
  /** The longest time of a request, in ms. Default: 5,000. */
  readonly deadlineMs?: number
}

const OPTIONS: OptionKinds<keyof VarnishOptions> = { url: 'any', isSoft: 'boolean?', deadlineMs: 'number?' }

/** Purges by tag in Varnish with vmod_xkey (Debian: `varnish-modules`) and the rules of `varnish.vcl` beside this file. */
export function varnishPurger(options: VarnishOptions): Purger {
  checkOptions('varnishPurger', options, OPTIONS)
  const { url, isSoft = false, deadlineMs = DEADLINE_MS } = options
  const urls = typeof url === 'string' ? [url] : url
  const send = async (headers: Readonly<Record<string, string>>) => {
    await Promise.all(urls.map(each => sendPurge(each, { method: 'PURGE', headers, deadlineMs })))
  }
  return {
    purge: async tags => {
      for (const some of chunks(tags.map(encodeTag), TAGS_MAX, HEADER_CHARS_MAX))
        await send({ [isSoft ? 'xkey-softpurge' : 'xkey-purge']: some.join(' ') })
    },
    purgeAll: () => send({ 'purge-everything': '1' }),
  }
}

const TAGS_MAX = 256
/** Varnish accepts 8 KiB in one header by default. */
const HEADER_CHARS_MAX = 4_096
