// Followers with a rule: what they may follow, and the end of their credentials.
import { afterEach, describe, expect, test } from 'bun:test'
import { Hono } from 'hono'
import { spec } from '../../src/definitions/event/events.ts'
import { openBank } from '../../src/test-support/bank.ts'
import { cleanUp, cleanUpLater } from '../../src/test-support/cleanup.ts'
import { diary, ofOneself } from '../../src/test-support/diary.ts'
import { eventsOf } from '../../src/test-support/event-stream.ts'
import { openClient } from '../../src/test-support/http.ts'
import { seriesOf } from '../../src/test-support/series.ts'
import { until } from '../../src/test-support/servers/until.ts'
import { untilProcessed } from '../../src/test-support/until-processed.ts'
import type { AppOptions } from '../app.ts'
import { Live } from './live.ts'
import { websocket } from './server.ts'
import { eventSocket } from './socket.ts'
import { sse } from './sse.ts'

afterEach(cleanUp)

const actor: NonNullable<AppOptions['actor']> = c => {
  const id = c.req.header('x-user')
  return id === undefined ? null : { id, claims: { role: c.req.header('x-role') } }
}

/** A diary in which Ada has written a1, and Bob b1. */
async function openDiary() {
  const one = openClient({ serve: diary, actor, authorize: ofOneself })
  for (const [owner, id] of [
    ['ada', 'a1'],
    ['bob', 'b1'],
  ] as const)
    await one.post(`/note/${id}/write`, { owner, text: '' }, { 'X-User': owner })
  return one
}

const FOLLOWED: readonly (readonly [query: string, user: string, role: string, status: number])[] = [
  ['?stream=note-a1', 'ada', 'user', 200],
  ['?stream=note-a1&category=note', 'ada', 'user', 200],
  ['?stream=note-a1', 'bob', 'user', 403],
  ['?stream=note-a1&stream=note-b1', 'ada', 'user', 403],
  ['?stream=process-a1', 'ada', 'user', 403],
  ['?category=note', 'ada', 'user', 403],
  ['?category=note', 'eve', 'auditor', 200],
  ['?type=note.Written', 'eve', 'auditor', 200],
  ['?category=note&category=process', 'eve', 'auditor', 403],
  ['?category=note&stream=process-a1', 'eve', 'auditor', 403],
  ['?type=Written', 'eve', 'auditor', 403],
  ['?category=x&type=note.Written', 'eve', 'auditor', 403],
  ['', 'eve', 'auditor', 403],
]

describe('a follower with a rule', () => {
  test.each(FOLLOWED)('GET /events%s of %s, a %s, is answered %d', async (query, user, role, status) => {
    const one = await openDiary()
    const response = await one.app.request(`/events${query}`, { headers: { 'X-User': user, 'X-Role': role } })
    cleanUpLater(() => response.body?.cancel())
    expect(response.status).toBe(status)
  })

  test('a follower over a WebSocket may subscribe to what its rule passes, and is closed with 4403 for the rest', async () => {
    const one = await openDiary()
    const { fetch, websocket } = one.app
    const server = Bun.serve({ fetch, websocket, port: 0, hostname: '127.0.0.1', development: false })
    cleanUpLater(() => server.stop(true))
    const own = await follow(server, 'ada', { streams: ['note-a1'] })
    await until('it has its event', () => own.said.some(({ type }) => type === 'event'))
    const other = await follow(server, 'ada', { streams: ['note-b1'] })
    expect(await other.closed).toEqual({ code: 4403, reason: 'forbidden' })
    expect(other.said.map(({ type }) => type)).toEqual(['error'])
  })

  test.each([
    ['that is at the head', ''],
    ['that reads on from before', '&after=0'],
  ])('an event stream %s ends once its stream belongs to another one, and gets no event of his', async (_, after) => {
    const one = await openDiary()
    const asAda = { headers: { 'X-User': 'ada' } }
    const reader = eventsOf(await one.app.request(`/events?stream=note-a1${after}`, asAda))
    cleanUpLater(() => reader.cancel())
    await one.post('/note/a1/change', { text: 'hers' }, { 'X-User': 'ada' })
    await until('it has her change', () => reader.events.at(-1)?.type === 'note.Changed')
    const seen = reader.events.length
    await one.post('/note/a1/write', { owner: 'bob', text: 'given away' }, { 'X-User': 'ada' })
    await one.post('/note/a1/change', { text: 'his' }, { 'X-User': 'bob' })
    await until('it has ended', reader.hasEnded)
    expect([reader.events.length, reader.retry(), one.reported]).toEqual([seen, expect.any(Number), []])
    const again = await one.app.request(`/events?stream=note-a1&after=${reader.lastId()}`, asAda)
    expect(again.status).toBe(403)
  })

  test('an event stream by the rule of all events goes on, whoever owns their streams', async () => {
    const one = await openDiary()
    const headers = { 'X-User': 'eve', 'X-Role': 'auditor' }
    const reader = eventsOf(await one.app.request('/events?stream=note-a1', { headers }))
    cleanUpLater(() => reader.cancel())
    await one.post('/note/a1/write', { owner: 'bob', text: 'given away' }, { 'X-User': 'ada' })
    await one.post('/note/a1/change', { text: 'his' }, { 'X-User': 'bob' })
    await until('it has both', () => reader.events.length === 2)
    expect(reader.hasEnded()).toBe(false)
  })

  test('a WebSocket is closed with 4403 once its stream belongs to another one, also before what it left for later', async () => {
    const one = await openDiary()
    const { fetch, websocket } = one.app
    const server = Bun.serve({ fetch, websocket, port: 0, hostname: '127.0.0.1', development: false })
    cleanUpLater(() => server.stop(true))
    for (const text of ['1', '2']) await one.post('/note/a1/change', { text }, { 'X-User': 'ada' })
    const eager = await follow(server, 'ada', { streams: ['note-a1'] })
    const frugal = await follow(server, 'ada', { streams: ['note-a1'] }, 1)
    const eventsIn = ({ said }: typeof eager) => said.filter(({ type }) => type === 'event').length
    await until('one has all, and the other one event', () => eventsIn(eager) === 3 && eventsIn(frugal) === 1)
    await one.post('/note/a1/write', { owner: 'bob', text: 'given away' }, { 'X-User': 'ada' })
    frugal.send({ type: 'credit', n: 10 })
    for (const socket of [eager, frugal]) expect(await socket.closed).toEqual({ code: 4403, reason: 'forbidden' })
    expect([eventsIn(eager), eventsIn(frugal)]).toEqual([3, 1])
  })

  test('a follower of a row gets a deletion when it no longer sees the row', async () => {
    const one = await openDiary()
    const emaki = await one.app[spec].start()
    await untilProcessed(emaki, 2)
    const response = await one.app.request('/notes/a1/events', { headers: { 'X-User': 'ada' } })
    const reader = eventsOf(response)
    cleanUpLater(() => reader.cancel())
    await until('it sees the row', () => reader.events.length === 1)
    await one.post('/note/a1/write', { owner: 'bob', text: 'given away' }, { 'X-User': 'ada' })
    await until('it is gone', () => reader.events.at(-1)?.type === 'deleted')
    expect(reader.events.map(({ type }) => type)).toEqual(['row', 'deleted'])
  })
})

describe('the end of credentials', () => {
  /** Followers of the log on a clock that is moved by hand, whose credentials end after `ms`. */
  async function openLive() {
    const { emaki } = await openBank()
    cleanUpLater(() => emaki.close())
    const clock = { now: 0 }
    const live = new Live(emaki, { report: () => {}, now: () => clock.now, checkEveryMs: 5 })
    return { live, clock, endsIn: (ms: number) => emaki.now() + ms }
  }

  test('an event stream ends with the credentials of its client, which comes back with its last id', async () => {
    const { live, clock, endsIn } = await openLive()
    const hono = new Hono().get('/rows', c => {
      c.set('emakiLive', live)
      return sse(c, { kind: 'sse', id: '7', next: () => null, close: () => {} }, endsIn(1_000_000))
    })
    const reader = eventsOf(await hono.request('/rows'))
    await until('it has begun', () => reader.lastId() === '7')
    clock.now = 900_000
    await until('it was looked at', () => live.count === 1 && reader.lastId() === '7')
    expect(reader.hasEnded()).toBe(false)
    clock.now = 1_000_001
    await until('it has ended', reader.hasEnded)
    expect([live.count, reader.lastId(), reader.retry()]).toEqual([0, '7', expect.any(Number)])
    expect(await seriesOf(live.services.metrics, 'emaki.listeners.cut')).toEqual({ 'sse expired': 1 })
  })

  test('a WebSocket is closed with 4401 when the credentials of its client end', async () => {
    const { live, clock, endsIn } = await openLive()
    const ends = endsIn(1_000_000)
    const hono = new Hono().get('/events', c => {
      c.set('emakiLive', live)
      return eventSocket(c, { origins: [], checkOf: () => null, until: ends })
    })
    const server = Bun.serve({ fetch: hono.fetch, websocket, port: 0, hostname: '127.0.0.1', development: false })
    cleanUpLater(() => server.stop(true))
    const socket = await follow(server, 'ada', {})
    await until('it has begun', () => socket.said.length > 0)
    clock.now = 1_000_001
    expect(await socket.closed).toEqual({ code: 4401, reason: 'unauthenticated' })
    expect(await seriesOf(live.services.metrics, 'emaki.listeners.cut')).toEqual({ 'websocket expired': 1 })
  })
})

type Said = { readonly type: string }

async function follow(server: Bun.Server<unknown>, user: string, filter: object, credit = 100) {
  const url = `ws://127.0.0.1:${server.port}/events`
  // Bun takes headers, which browsers do not.
  const socket = new WebSocket(url, { headers: { 'X-User': user } } as unknown as string[])
  const said: Said[] = []
  socket.onmessage = ({ data }) => void said.push(JSON.parse(data as string) as Said)
  const { promise: closed, resolve } = Promise.withResolvers<{ readonly code: number; readonly reason: string }>()
  socket.onclose = ({ code, reason }) => resolve({ code, reason })
  cleanUpLater(() => socket.close())
  await new Promise(opened => (socket.onopen = opened))
  const send = (message: object) => socket.send(JSON.stringify(message))
  send({ type: 'subscribe', after: 0, filter, credit })
  return { said, closed, send }
}
