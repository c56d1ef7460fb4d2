// Streams that this release cannot read, and callers of whom a rule would have to say whether they may.
import { afterEach, expect, test } from 'bun:test'
import { allow } from '../src/definitions/access/allow.ts'
import { spec } from '../src/definitions/event/events.ts'
import { cleanUp } from '../src/test-support/cleanup.ts'
import { diary, note, ofOneself } from '../src/test-support/diary.ts'
import { type Answer, expectProblem, openClient } from '../src/test-support/http.ts'
import type { AppOptions } from './app.ts'

afterEach(cleanUp)

const actor: NonNullable<AppOptions['actor']> = c => {
  const id = c.req.header('x-user')
  return id === undefined ? null : { id, claims: { role: c.req.header('x-role') } }
}

/** A diary in which Ada has written a1, which a newer release has changed since. */
async function openUnreadable(options: Partial<AppOptions> = {}) {
  const one = openClient({ serve: diary, actor, authorize: ofOneself, unreadableEvents: 'serve', ...options })
  await one.app[spec].start()
  await one.post('/note/a1/write', { owner: 'ada', text: '' }, { 'X-User': 'ada' })
  const event = { id: Bun.randomUUIDv7(), type: 'Later', schema: 'x', data: '{}', meta: '{}' }
  await one.store.inner.append([{ slices: [{ stream: 'note-a1', expect: 'any', events: [event] }], keys: [] }])
  one.reported.length = 0
  return one
}
type Opened = Awaited<ReturnType<typeof openUnreadable>>

/** Every way to a note that its rule guards. */
const WAYS: readonly (readonly [string, (one: Opened, id: string, headers: Record<string, string>) => Promise<Answer>])[] = [
  ['GET /note/{id}', (one, id, headers) => one.get(`/note/${id}`, headers)],
  ['GET /note/{id}?version=1', (one, id, headers) => one.get(`/note/${id}?version=1`, headers)],
  ['GET /streams/note-{id}', (one, id, headers) => one.get(`/streams/note-${id}`, headers)],
  ['GET /events?stream=note-{id}', (one, id, headers) => one.get(`/events?stream=note-${id}`, headers)],
  ['POST /note/{id}/change', (one, id, headers) => one.post(`/note/${id}/change`, { text: 'x' }, headers)],
  [
    'POST /note/{id}/change, to be sent later',
    (one, id, headers) => one.post(`/note/${id}/change`, { text: 'x' }, { ...headers, Prefer: 'respond-async' }),
  ],
]

test.each(WAYS)(
  '%s of a stream that cannot be read answers a caller as if there was none, and the record says why',
  async (_, ask) => {
    const one = await openUnreadable()
    for (const user of ['bob', 'ada']) {
      const [there, missing] = [await ask(one, 'a1', { 'X-User': user }), await ask(one, 'c9', { 'X-User': user })]
      const shown = ({ status, body }: Answer) => [status, JSON.stringify(body).replaceAll('a1', 'c9')]
      expect(shown(there)).toEqual(shown(missing))
      expect([403, 404]).toContain(there.status)
    }
    const record = { level: 'warn', code: 'stream-unreadable', message: expect.stringContaining('its rule needs the state') }
    expect(one.reported).toEqual([expect.objectContaining(record), expect.objectContaining(record)])
  },
)

test.each(WAYS.filter(([way]) => !/events|streams|later/.test(way)))(
  '%s of a stream that cannot be read answers 503 to a caller whom a rule passes without its state',
  async (way, ask) => {
    const isStaff = ({ actor }: { readonly actor: { readonly id: string } | null }) => actor?.id === 'eve'
    const rules = [allow(note, { commands: 'all', state: ask => isStaff(ask) || ask.state.owner === ask.actor?.id })]
    const one = await openUnreadable({ authorize: rules })
    const answer = await ask(one, 'a1', { 'X-User': 'eve' })
    if (way.includes('version')) expect(answer).toMatchObject({ status: 200, body: { owner: 'ada' } })
    else expectProblem(answer, 'stream-unreadable', { detail: expect.stringContaining('note-a1'), retryable: true })
  },
)

test('whoever is refused a command on a stream that cannot be read is recorded', async () => {
  const one = await openUnreadable()
  await one.post('/note/a1/change', { text: 'x' }, { 'X-User': 'bob' })
  const [refusal] = await (await one.app.runtime()).refusals()
  expect(refusal).toMatchObject({ by: 'rule', command: 'note.change', stream: 'note-a1', actor: 'bob', code: 'hidden' })
})

test('a rule that would pass its caller if the stream did not exist passes nobody to one that cannot be read', async () => {
  const one = await openUnreadable()
  const write = (id: string) => one.post(`/note/${id}/write`, { owner: 'bob', text: 'mine' }, { 'X-User': 'bob' })
  expect((await write('c9')).status).toBe(201)
  expectProblem(await write('a1'), 'stream-not-found')
})
