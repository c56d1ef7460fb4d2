// One user of a load: the steps of a journey as requests, each of which is timed.
import type { Command } from '../../definitions/decider/command.ts'

/** The answer to a step. `body` is the parsed JSON, or the text of anything else. */
export type StepAnswer = { readonly status: number; readonly headers: Headers; readonly body: unknown }

/** What a journey asks. A path begins with `/`. After an answer with an Event-Position, each `get` sends it as Min-Position. */
export type LoadUser = {
  readonly get: (path: string) => Promise<StepAnswer>
  readonly post: (path: string, body?: unknown) => Promise<StepAnswer>
  readonly command: (command: Command) => Promise<StepAnswer>
}

/** The steps of a user, one after the other. */
export type Journey = (user: LoadUser) => Promise<unknown>

/** One step that is over. `outcome`: its status and, of a problem, its type; or why there was no answer. */
export type Step = {
  readonly name: string
  readonly outcome: string
  readonly isError: boolean
  /** From when it was due. */
  readonly latencyMs: number
  /** From when it was sent. */
  readonly serviceMs: number
}

export type LoadWorld = { readonly now: () => number; readonly ask: (path: string, init: RequestInit) => Promise<Response> }

/** No answer: the rest of the journey is left out. */
export class NoAnswer extends Error {}

/** A user whose first step was due at a time; each further step is due when it is asked. */
export function loadUser({ now, ask }: LoadWorld, due: number, onStep: (step: Step) => void): LoadUser {
  let next: number | null = due
  let position: string | null = null
  const step = async (name: string, path: string, init: RequestInit): Promise<StepAnswer> => {
    const sentAt = now()
    const dueAt = next ?? sentAt
    next = null
    const end = (outcome: string, isError: boolean) =>
      onStep({ name, outcome, isError, latencyMs: now() - dueAt, serviceMs: now() - sentAt })
    try {
      const response = await ask(path, init)
      const body = bodyOf(await response.text())
      position = response.headers.get('Event-Position') ?? position
      end(outcomeOf(response.status, body), response.status >= 400)
      return { status: response.status, headers: response.headers, body }
    } catch (error) {
      end(`no answer: ${(error as { code?: string }).code ?? (error as Error).message}`, true)
      throw new NoAnswer(name, { cause: error })
    }
  }
  const post = (name: string, path: string, body: unknown) =>
    step(name, path, {
      method: 'POST',
      ...(body !== undefined && { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
    })
  return {
    get: path => step(`GET ${templateOf(path)}`, path, position === null ? {} : { headers: { 'Min-Position': position } }),
    post: (path, body) => post(`POST ${templateOf(path)}`, path, body),
    command: ({ decider, id, command, data }) =>
      post(`${decider}.${command}`, `/${decider}/${encodeURIComponent(id)}/${command}`, data),
  }
}

/** The path without query and ids, so that the steps of all users count as one: of `/orders/o1`, `/orders/…`. */
function templateOf(path: string): string {
  const [, first = '', id, ...more] = path.split('?')[0]!.split('/')
  return `/${[first, ...(id === undefined ? [] : ['…']), ...more].join('/')}`
}

function bodyOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function outcomeOf(status: number, body: unknown): string {
  const type = status >= 400 && typeof body === 'object' ? (body as { type?: unknown } | null)?.type : undefined
  return typeof type === 'string' ? `${status} ${type.split(/[/:]/).at(-1)}` : String(status)
}
