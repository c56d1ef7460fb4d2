// An app on a store in memory that can be made to fail, and short ways to ask it.
import { expect } from 'bun:test'
import { type App, type AppOptions, app } from '../../routes/app.ts'
import { problems, type Slug } from '../../routes/http/problem.ts'
import { readConfig } from '../config.ts'
import { spec } from '../definitions/event/events.ts'
import { memory } from '../ports/store/memory.ts'
import { account } from './account.ts'
import { cleanUpLater } from './cleanup.ts'
import { type FailingStore, failingStore } from './failing-store.ts'

export type Headers_ = Readonly<Record<string, string>>
/** Status and body of a response, and the headers that are asked for. */
export type Answer = { readonly status: number; readonly headers: Headers; readonly body: unknown }

export type Client = {
  readonly app: App
  readonly store: FailingStore
  readonly reported: unknown[]
  /** A command; without a body there is no content type either. */
  post(path: string, body?: unknown, headers?: Headers_): Promise<Answer>
  get(path: string, headers?: Headers_): Promise<Answer>
  ask(path: string, init: RequestInit): Promise<Answer>
}

export function client(options: Partial<AppOptions> = {}): Client {
  const store = failingStore(options.store ?? memory())
  const reported: unknown[] = []
  const report = (error: unknown) => void reported.push(error)
  const served = app({ serve: [account], config: readConfig({}), report, requestRecords: false, ...options, store })
  const ask = async (path: string, init: RequestInit) => answerOf(await served.request(path, init))
  return {
    app: served,
    store,
    reported,
    ask,
    get: (path, headers = {}) => ask(path, { headers }),
    post: (path, body, headers = {}) =>
      ask(path, {
        method: 'POST',
        headers: body === undefined ? headers : { 'Content-Type': 'application/json', ...headers },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      }),
  }
}

/** A client whose app `cleanUp` stops. */
export function openClient(options: Partial<AppOptions> = {}): Client {
  const opened = client(options)
  cleanUpLater(() => opened.app[spec].stop())
  return opened
}

/** The headers of a request that wants nothing older than a position. */
export function atPosition(position: string, others: Headers_ = {}): Headers_ {
  return { 'Min-Position': position, ...others }
}

export async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text()
  const json = text !== '' && /json\b/.test(response.headers.get('content-type') ?? '')
  return { status: response.status, headers: response.headers, body: json ? (JSON.parse(text) as unknown) : text }
}

/** Expects a problem document, whole and from the catalogue; gives its own members. */
export function expectProblem({ status, headers, body }: Answer, slug: Slug, members: object = {}): Record<string, unknown> {
  const { title } = problems[slug]
  expect({ status, body }).toEqual({
    status: problems[slug].status,
    body: { type: `/problems/${slug}`, title, status, instance: expect.any(String), ...members } as never,
  })
  expect(headers.get('content-type')).toBe('application/problem+json')
  expect(headers.get('content-language')).toBe('en')
  expect(headers.get('cache-control')).toBe('no-store')
  return body as Record<string, unknown>
}
