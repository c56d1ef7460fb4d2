// Two users of one app, over every route that it derives: neither sees nor changes what is of the other.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { spec } from '../src/definitions/event/events.ts'
import { cleanUp } from '../src/test-support/cleanup.ts'
import { diary, note, ofOneself } from '../src/test-support/diary.ts'
import { openClient } from '../src/test-support/http.ts'
import { untilProcessed } from '../src/test-support/until-processed.ts'
import type { AppOptions } from './app.ts'

afterAll(cleanUp)

const SECRET = 'what bob wrote'
const actor: NonNullable<AppOptions['actor']> = c => ({ id: c.req.header('x-user')!, claims: {} })
/** Bodies that fit some command, and name nobody, or Bob. */
const BODIES = [{}, { text: 'x' }, { owner: 'bob', text: 'x' }, { owner: 'ada', text: 'x' }]
/** What a client may add to a path. Parameters that a route does not have are refused. */
const QUERIES = ['', '?owner=bob', '?owner=ada', '?stream=note-b1', '?category=note', '?version=1', '?limit=10', '?count=true']

type Document = { readonly paths: Readonly<Record<string, Readonly<Record<string, object>>>> }
type Ask = { readonly method: string; readonly path: string; readonly body?: string }

/** An app with a note of Bob's, and a command that he has scheduled. `authorize`: who may. */
async function openDiary(authorize: AppOptions['authorize']) {
  const { app } = openClient({ serve: diary, actor, ...(authorize && { authorize }) })
  const ask = (user: string, { method, path, body }: Ask) => {
    const headers = { 'X-User': user, ...(body !== undefined && { 'Content-Type': 'application/json' }) }
    return app.request(path, { method, headers, ...(body !== undefined && { body }) })
  }
  const post = (path: string, body: object) => ask('bob', { method: 'POST', path, body: JSON.stringify(body) })
  expect((await post('/note/b1/write', { owner: 'bob', text: SECRET })).status).toBe(201)
  const later = await app.request('/note/b1/change', {
    method: 'POST',
    headers: { 'X-User': 'bob', 'Content-Type': 'application/json', 'Schedule-At': '2099-01-01T00:00:00Z' },
    body: JSON.stringify({ text: SECRET }),
  })
  expect(later.status).toBe(202)
  const emaki = await app[spec].start()
  await untilProcessed(emaki, 1)
  return {
    ask,
    emaki,
    scheduled: later.headers.get('location')!,
  }
}

/** Every way to Bob's things over the routes of the document. */
function waysOf({ paths }: Document, scheduled: string): readonly Ask[] {
  const filled = (path: string) =>
    path === '/commands/{id}' ? scheduled : path.replace('{stream}', 'note-b1').replaceAll(/\{\w+\}/g, 'b1')
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).flatMap((name): Ask[] => {
      const [method, to] = [name.toUpperCase(), filled(path)]
      if (method === 'POST') return BODIES.map(body => ({ method, path: to, body: JSON.stringify(body) }))
      return method === 'GET' ? QUERIES.map(query => ({ method, path: to + query })) : [{ method, path: to }]
    }),
  )
}

/** The text of an answer. One that does not end is read by `routes/events/access.test.ts`. */
async function textOf(response: Response): Promise<string> {
  if (!response.headers.get('content-type')?.includes('event-stream')) return response.text()
  await response.body!.cancel()
  return ''
}

/** The ways by which somebody sees Bob's text. */
async function leaksTo(user: string, { ask, scheduled }: Awaited<ReturnType<typeof openDiary>>): Promise<readonly string[]> {
  const document = (await (await ask(user, { method: 'GET', path: '/openapi.json' })).json()) as Document
  const ways = waysOf(document, scheduled)
  expect(ways.length).toBeGreaterThan(100)
  const leaks: string[] = []
  // Whoever is let in may change it: it is read before that.
  const isRead = ({ method }: Ask) => method === 'GET'
  for (const way of [...ways.filter(isRead), ...ways.filter(one => !isRead(one))])
    if ((await textOf(await ask(user, way))).includes(SECRET)) leaks.push(`${way.method} ${way.path}`)
  return leaks
}

describe('two users', () => {
  let diary_: Awaited<ReturnType<typeof openDiary>>
  beforeAll(async () => {
    diary_ = await openDiary(ofOneself)
  })

  test('a user sees nothing of another one, over every route of the app, and changes nothing', async () => {
    expect(await leaksTo('ada', diary_)).toEqual([])
    expect(await diary_.emaki.state(note, 'b1')).toMatchObject({ state: { owner: 'bob', text: SECRET }, version: 1 })
    expect((await diary_.ask('bob', { method: 'GET', path: diary_.scheduled })).status).toBe(200)
  })

  test('the walk over all routes finds what an app without rules shows', async () => {
    const leaks = await leaksTo('ada', await openDiary(undefined))
    expect(leaks).toEqual(
      expect.arrayContaining(['GET /note/b1', 'GET /streams/note-b1', 'GET /notes/b1', 'GET /notes', 'GET /notes?owner=bob']),
    )
  })
})
