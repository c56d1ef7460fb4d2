// A client of a marketplace that is served, and what it orders.
import type { ServedProcess } from '../../../src/test-support/served-process.ts'

export type Answer = { readonly status: number; readonly headers: Headers; readonly body: Record<string, unknown> }
export type Event = { readonly type: string; readonly data: unknown; readonly position: number }
export type Step = readonly [command: string, body?: object]
export type Marketplace = {
  /** An id that nothing else has. */
  readonly id: () => string
  readonly ask: (path: string, init?: RequestInit) => Promise<Answer>
  /** The bytes of an answer, as text. */
  readonly readText: (path: string) => Promise<string>
  readonly post: (path: string, body?: object, headers?: Record<string, string>) => Promise<Answer>
  readonly eventsOf: (stream: string) => Promise<readonly Event[]>
  /** Runs commands on one instance and gives the last answer. */
  readonly after: (decider: string, instance: string, steps: readonly Step[]) => Promise<Answer>
  /** Kills the process and starts it again. */
  readonly crash: () => Promise<void>
}

export const basket = { customerId: 'c1', items: [{ sku: 'apple', qty: 2, price: 120 }] }
export const shipment = { trackingNumber: 'T1' }

/** Makes a client of the process that `served` gives, once it is up. */
export function marketplaceClient(served: () => ServedProcess): Marketplace {
  let count = 0
  const id = () => `m${++count}`
  const ask = async (path: string, init: RequestInit = {}): Promise<Answer> => {
    const response = await fetch(`${served().url}${path}`, init)
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: text ? JSON.parse(text) : {} }
  }
  const post = (path: string, body?: object, headers: Record<string, string> = {}) =>
    ask(path, {
      method: 'POST',
      headers: body ? { 'Content-Type': 'application/json', ...headers } : headers,
      ...(body && { body: JSON.stringify(body) }),
    })
  const eventsOf = async (stream: string): Promise<readonly Event[]> => {
    const { status, body } = await ask(`/streams/${stream}?limit=1000`)
    return status === 404 ? [] : (body['events'] as Event[])
  }
  /** Runs commands on one instance and gives the last answer. */
  const after = async (decider: string, instance: string, steps: readonly Step[]) => {
    let answer: Answer | undefined
    for (const [command, body] of steps) answer = await post(`/${decider}/${instance}/${command}`, body)
    return answer!
  }
  const readText = async (path: string) => (await fetch(`${served().url}${path}`)).text()
  return { id, ask, readText, post, eventsOf, after, crash: () => served().crash() }
}
