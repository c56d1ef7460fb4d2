import { expect } from 'bun:test'
import type { Store } from '../ports/store/store.ts'
import type { Answer, Client } from './http.ts'

const CALLERS = 8

/** What callers were told, command by command: every note that was accepted, and how the others were refused. */
export type Answers = { readonly accepted: Set<string>; readonly refused: Map<string, Answer> }

let sentCount = 0
/** Sends so many commands, some at once. */
export async function deposit(
  { post }: Client,
  many: number,
  { size = 10, answers = { accepted: new Set(), refused: new Map() } as Answers } = {},
): Promise<Answers> {
  const caller = async (id: number) => {
    for (let i = id; i < many; i += CALLERS) {
      const note = `${++sentCount}${'x'.repeat(size)}`
      const answer = await post(`/account/a${id}/deposit`, { cents: 1, note }, { 'Idempotency-Key': String(sentCount) })
      if (answer.status === 200 || answer.status === 201) answers.accepted.add(note)
      else answers.refused.set(note, answer)
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, (_, id) => caller(id)))
  return answers
}

export async function readNotes(store: Store): Promise<readonly string[]> {
  const events = await store.readAll({ after: 0, limit: 100_000 })
  return events.map(({ data }) => (JSON.parse(data) as { note: string }).note)
}

/** The log has what was acknowledged, once, and nothing that was refused. */
export async function expectWhole(store: Store, { accepted }: Answers): Promise<void> {
  expect((await readNotes(store)).toSorted()).toEqual([...accepted].sort())
}

export async function expectReads({ get }: Client): Promise<void> {
  expect((await get('/account/a1')).status).toBe(200)
  expect((await get('/streams/account-a1')).status).toBe(200)
  expect((await get('/health')).status).toBe(200)
}
