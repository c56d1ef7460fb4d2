// Asks the server of the configuration, as an operator of this machine does.
import type { Config } from '../config.ts'
import { EXIT } from './exit-codes.ts'
import { nameParameters } from './health.ts'

/** How long an answer may take to begin, in ms. */
export const TIMEOUT_MS = 5_000

/** `url`: the server, with the path of its app. Default: the one on PORT of this machine. */
type Asked = { readonly config: Config; readonly base: string; readonly url?: string }
type Asking = {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

/** Asks a server, with ADMIN_TOKEN if that is set. Rejects where there is no answer. */
export function askServer({ config, base, url }: Asked, path: string, { headers = {}, ...init }: Asking = {}): Promise<Response> {
  const bearer = config.ADMIN_TOKEN === undefined ? {} : { Authorization: `Bearer ${config.ADMIN_TOKEN}` }
  const root = url ?? `http://127.0.0.1:${config.PORT}${nameParameters(base)}`
  return fetch(`${root}${path}`, { signal: AbortSignal.timeout(TIMEOUT_MS), ...init, headers: { ...headers, ...bearer } })
}

/** Says why a verb has no result, and gives its exit code. */
export function complain(text: string): number {
  console.error(text)
  return EXIT.PROBLEM
}

export function failureText(error: unknown, server = 'the server on PORT'): string {
  return `no answer from ${server}: ${(error as Error).message}`
}

/** What a problem of the server says, in one line. */
export async function refusalText(answer: Response): Promise<string> {
  const { title, detail, errors } = (await answer.json().catch(() => ({}))) as Readonly<Record<string, unknown>>
  const [first] = (errors ?? []) as readonly { readonly pointer: string; readonly detail: string }[]
  const more = detail ?? (first && `${first.pointer} ${first.detail}`)
  return `the server answered ${answer.status}${title ? `: ${title}` : ''}${more ? `; ${more}` : ''}`
}
