import { afterAll, describe, expect, test } from 'bun:test'
import { readConfig } from '../src/config.ts'
import { spec } from '../src/definitions/event/events.ts'
import { Notice } from '../src/ports/report/notice.ts'
import { cleanUp, cleanUpLater } from '../src/test-support/cleanup.ts'
import { eventsOf } from '../src/test-support/event-stream.ts'
import { failsBefore } from '../src/test-support/failing-store.ts'
import { type Client, expectProblem, openClient } from '../src/test-support/http.ts'
import { until } from '../src/test-support/servers/until.ts'

afterAll(cleanUp)

const codesIn = (body: unknown) =>
  (body as string)
    .split('\n')
    .filter(line => line)
    .map(line => (JSON.parse(line) as { readonly code: string }).code)
const parked = (key: string, correlation?: string) =>
  new Notice({ level: 'warn', code: 'key-parked', message: 'It is parked.', fields: { key, correlation } })

/** Serves an app on a port, as its streams need. */
function serve({ app }: Client): string {
  const server = Bun.serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1', development: false })
  cleanUpLater(() => server.stop(true))
  return server.url.origin
}

describe('GET /logs', () => {
  test('GET /logs gives the last records as JSON lines, by level, code and correlation', async () => {
    const { get, post, app } = openClient()
    const { report } = await app[spec].start()
    report(parked('o1', 'c1'))
    report(new Notice({ level: 'info', code: 'key-unparked', message: 'It goes on.', fields: { correlation: 'c1' } }))
    await post('/account/a1/explode', {}, { 'X-Correlation-Id': 'c2' })
    const all = await get('/logs')
    expect([all.status, all.headers.get('content-type'), all.headers.get('cache-control')]).toEqual([
      200,
      'application/jsonl',
      'no-store',
    ])
    expect(codesIn(all.body)).toEqual(['key-parked', 'key-unparked', 'request-failed'])
    expect(codesIn((await get('/logs?level=warn')).body)).toEqual(['key-parked', 'request-failed'])
    expect(codesIn((await get('/logs?code=key,unexpected')).body)).toEqual(['key-parked', 'key-unparked'])
    expect(codesIn((await get('/logs?correlation=c2')).body)).toEqual(['request-failed'])
    expectProblem(await get('/logs?level=loud'), 'validation-failed', {
      errors: [{ pointer: '#/level', detail: 'expected one of debug, info, warn, error' }],
    })
  })

  test('GET /logs answers while the app cannot start, and says why', async () => {
    const { get, store } = openClient()
    store.always('open', failsBefore())
    await get('/ready')
    expect(codesIn((await get('/logs')).body)).toEqual(['retry-began'])
    expectProblem(await get('/logs', { Accept: 'text/event-stream' }), 'not-ready', { detail: 'starting' })
  })

  test('GET /logs is for who may read the log', async () => {
    const token = 'a-token-of-16-characters'
    const closed = openClient({ config: readConfig({ NODE_ENV: 'production' }) })
    expectProblem(await closed.get('/logs'), 'forbidden', { detail: expect.any(String) })
    const guarded = openClient({ config: readConfig({ NODE_ENV: 'production', ADMIN_TOKEN: token }) })
    expect((await guarded.get('/logs')).status).toBe(401)
    expect((await guarded.get('/logs', { Authorization: `Bearer ${token}` })).status).toBe(200)
    expect((await openClient({ guard: () => false }).get('/logs')).status).toBe(403)
  })

  test('a follower of /logs gets the records that there are and those to come, and goes on after its last id', async () => {
    const client = openClient()
    const { report } = await client.app[spec].start()
    const url = serve(client)
    report(parked('o1'))
    const follow = async (id = '') =>
      eventsOf(await fetch(`${url}/logs?code=key`, { headers: { Accept: 'text/event-stream', 'Last-Event-ID': id } }))
    const keysOf = ({ events }: ReturnType<typeof eventsOf>) =>
      events.map(({ data }) => (JSON.parse(data) as { key: string }).key)
    const first = await follow()
    await until('the first one has come', () => first.events.length === 1)
    report(new Error('of another code'))
    report(parked('o2'))
    await until('the second one has come', () => first.events.length === 2)
    expect([keysOf(first), first.events.map(({ type }) => type)]).toEqual([
      ['o1', 'o2'],
      ['record', 'record'],
    ])
    await first.cancel()
    report(parked('o3'))
    const again = await follow(first.events[1]!.id)
    await until('the third one has come', () => again.events.length === 1)
    expect(keysOf(again)).toEqual(['o3'])
    // An id of another process, which has begun to count anew, loses nothing.
    const other = await follow(`${'0'.repeat(32)}.2`)
    await until('all have come', () => other.events.length === 3)
    client.app[spec].disconnectFollowers()
    await until('the streams have ended', () => again.hasEnded() && other.hasEnded())
  })
})
