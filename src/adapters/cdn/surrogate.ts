import { checkOptions, type OptionKinds } from '../../definitions/options.ts'
import { encodeTag } from '../../ports/cache/tags.ts'
import type { Purger } from '../../ports/purger/purger.ts'
import { chunks, DEADLINE_MS, sendPurge } from './request.ts'

export type SurrogateOptions = {
  /** The service's id. */
  readonly service: string
  /** A token that may purge (`purge_select`, and `purge_all` to purge everything). */
  readonly token: string
  /** Default: https://api.fastly.com. */
  readonly url?: string
  /**
   * Keeps a purged answer for as long as it may be stale, while it is fetched again. `purgeAll` is never soft. Default:
   * false.
   */
  readonly isSoft?: boolean
  /** The longest time of a request, in ms. Default: 5,000. */
  readonly deadlineMs?: number
}

const OPTIONS: OptionKinds<keyof SurrogateOptions> = {
  service: 'text',
  token: 'text',
  url: 'text?',
  isSoft: 'boolean?',
  deadlineMs: 'number?',
}

export type SurrogatePurger = Purger & {
  /** Purges the answer of one URL. */
  purgeUrl(url: string): Promise<void>
}

/** Purges by surrogate key as Fastly does, 256 keys in a request. */
export function surrogatePurger(options: SurrogateOptions): SurrogatePurger {
  checkOptions('surrogatePurger', options, OPTIONS)
  const { service, token, url = 'https://api.fastly.com', isSoft = false, deadlineMs = DEADLINE_MS } = options
  const headers = { 'Fastly-Key': token, Accept: 'application/json' }
  const soft = isSoft ? { 'Fastly-Soft-Purge': '1' } : {}
  const at = `${url}/service/${encodeURIComponent(service)}`
  return {
    purge: async tags => {
      for (const some of chunks(tags.map(encodeTag), TAGS_MAX, HEADER_CHARS_MAX)) {
        const more = { ...soft, 'Surrogate-Key': some.join(' ') }
        await sendPurge(`${at}/purge`, { method: 'POST', headers: { ...headers, ...more }, deadlineMs })
      }
    },
    purgeAll: async () => void (await sendPurge(`${at}/purge_all`, { method: 'POST', headers, deadlineMs })),
    purgeUrl: async one => void (await sendPurge(one, { method: 'PURGE', headers: { ...headers, ...soft }, deadlineMs })),
  }
}

const TAGS_MAX = 256
/** Less than servers accept in one header. */
const HEADER_CHARS_MAX = 7_168
