// WebSockets as clients have them, on a server of Bun's.
import { afterEach, describe, expect, test } from 'bun:test'
import { readConfig } from '../../src/config.ts'
import { spec } from '../../src/definitions/event/events.ts'
import { account } from '../../src/test-support/account.ts'
import { range } from '../../src/test-support/bank.ts'
import { cleanUp, cleanUpLater } from '../../src/test-support/cleanup.ts'
import { failsBefore } from '../../src/test-support/failing-store.ts'
import { client } from '../../src/test-support/http.ts'
import {
  awaitPositions,
  open,
  type ServedClient,
  serveClient,
  subscribe,
  upgradeStatus,
} from '../../src/test-support/socket-client.ts'
import { until } from '../../src/test-support/servers/until.ts'

afterEach(cleanUp)

describe('events over a WebSocket', () => {
  test('a WebSocket sends events as CloudEvents, behind the requested position', async () => {
    const one = serveClient()
    await one.deposit(3)
    const socket = await subscribe(one, { after: '1', credit: 10 })
    expect(socket.protocol()).toBe('cloudevents.json')
    await awaitPositions(socket, 2, 3)
    const stored = await one.store.readAll({ after: 1, limit: 1 })
    expect(socket.said[0]).toEqual({ type: 'position', id: '1' })
    expect(socket.said[1]).toEqual({
      type: 'event',
      id: '2',
      event: expect.objectContaining({ specversion: '1.0', id: stored[0]!.id, type: 'account.Deposited', globalposition: '2' }),
    })
    await one.deposit(1)
    await awaitPositions(socket, 2, 3, 4)
  })

  test('a WebSocket begins with the next event, or behind a position given as a number or as text', async () => {
    const one = serveClient()
    await one.deposit(2)
    const [now, all] = [await subscribe(one, { credit: 10 }), await subscribe(one, { after: 0, credit: 10 })]
    await one.deposit(1)
    await awaitPositions(now, 3)
    await awaitPositions(all, 1, 2, 3)
  })

  test('a WebSocket sends no more events than it has credit for', async () => {
    const one = serveClient()
    await one.deposit(5)
    const socket = await subscribe(one, { after: 0 })
    await one.deposit(1)
    expect(socket.events()).toEqual([])
    socket.say({ type: 'credit', n: 2 })
    await awaitPositions(socket, 1, 2)
    await one.deposit(2)
    expect(socket.events()).toEqual([1, 2])
    socket.say({ type: 'credit', n: 1 })
    await awaitPositions(socket, 1, 2, 3)
    socket.say({ type: 'credit', n: 100 })
    await awaitPositions(socket, 1, 2, 3, 4, 5, 6, 7, 8)
  })

  test('a WebSocket sends only what passes the filter, and only that takes credit', async () => {
    const one = serveClient()
    await one.deposit(3)
    await one.post('/account/a1/withdraw', { cents: 1 })
    await one.deposit(3)
    await one.post('/account/a2/deposit', { cents: 1 })
    const filters = [{ types: ['Withdrawn'] }, { streams: ['account-a2'] }, { categories: ['cart'] }]
    const sockets = await Promise.all(filters.map(filter => subscribe(one, { after: 0, filter, credit: 1 })))
    await awaitPositions(sockets[0]!, 4)
    await awaitPositions(sockets[1]!, 8)
    expect(sockets[2]!.events()).toEqual([])
  })

  test('a second subscription on a WebSocket replaces the first', async () => {
    const one = serveClient()
    await one.deposit(3)
    const socket = await subscribe(one, { after: 0, credit: 2 })
    await awaitPositions(socket, 1, 2)
    socket.say({ type: 'subscribe', after: 0, filter: { types: ['Withdrawn'] }, credit: 9 })
    await until('it is told where it begins', () => socket.said.length === 4)
    await one.deposit(1)
    await one.post('/account/a1/withdraw', { cents: 1 })
    await awaitPositions(socket, 1, 2, 5)
  })

  test('a WebSocket sends a long log whole and in order, however the credit is given', async () => {
    const one = serveClient()
    for (const _ of range(8)) await one.deposit(250, 'x'.repeat(200))
    const socket = await subscribe(one, { after: 0, credit: 1 })
    let given = 1
    while (socket.events().length < 2_000) {
      socket.say({ type: 'credit', n: 137 })
      given += 137
      await until('it has come', () => socket.events().length === Math.min(given, 2_000))
    }
    expect(socket.events()).toEqual(range(2_000).map(i => i + 1))
  })

  test.each([
    ['no JSON', '{', 'malformed-json'],
    ['no message', '{"type":"nonsense"}', 'validation-failed'],
    ['nothing', '""', 'validation-failed'],
    ['a credit of nothing', '{"type":"credit","n":0}', 'validation-failed'],
    ['a position that is none', '{"type":"subscribe","after":"x"}', 'validation-failed'],
    ['a position above the head', '{"type":"subscribe","after":7}', 'unknown-position'],
    ['a position of another epoch', '{"type":"subscribe","after":"2.0"}', 'unknown-position'],
  ])('a WebSocket that sends %s gets the problem, and is closed', async (_, said, slug) => {
    const socket = await open(serveClient())
    socket.say(said)
    expect(await socket.closed).toEqual({ code: 1008, reason: slug })
    expect(socket.said).toMatchObject([{ type: 'error', problem: { type: `/problems/${slug}` } }])
  })

  test('a WebSocket that sends two subscriptions at once is refused', async () => {
    const one = serveClient()
    await one.app[spec].start()
    const gate = Promise.withResolvers<void>()
    one.store.always('head', async read => {
      await gate.promise
      return read()
    })
    const socket = await open(one)
    socket.say({ type: 'subscribe' })
    socket.say({ type: 'subscribe' })
    expect(await socket.closed).toEqual({ code: 1008, reason: 'validation-failed' })
    gate.resolve()
  })

  test('a WebSocket is closed with a retry when the log cannot be read', async () => {
    const one = serveClient()
    await one.app[spec].start()
    one.store.always('head', failsBefore())
    const socket = await open(one)
    socket.say({ type: 'subscribe' })
    expect(await socket.closed).toEqual({ code: 1013, reason: 'unavailable' })
    expect(one.reported).toEqual([])
  })

  test('a WebSocket is closed when the process stops, and new ones are refused', async () => {
    const one = serveClient()
    const sockets = [await subscribe(one, {}), await open(one)]
    one.app[spec].disconnectFollowers()
    for (const { closed } of sockets) expect(await closed).toEqual({ code: 1012, reason: 'restart' })
    expect(await upgradeStatus(one)).toBe(503)
  })

  test('WebSockets that open and close leave nothing behind', async () => {
    const one = serveClient()
    const emaki = await one.app[spec].start()
    const sockets = await Promise.all(range(100).map(i => subscribe(one, { after: 0, filter: { types: [`T${i}`] }, credit: 1 })))
    await until('one waits for all', () => emaki.tail.waiting === 1)
    for (const { close } of sockets) close()
    await until('nobody waits', () => emaki.tail.waiting === 0 && one.server.pendingWebSockets === 0)
  })
})

describe('the opening of a WebSocket', () => {
  const production = { config: readConfig({ NODE_ENV: 'production' }) }

  test('a WebSocket opens for pages of the same host, for listed origins, and without an Origin', async () => {
    const one = serveClient({ origins: ['https://shop.example'] })
    const own = `http://127.0.0.1:${one.server.port}`
    for (const [origin, expected] of [
      [own, 101],
      ['https://shop.example', 101],
      ['https://evil.example', 403],
      ['null', 403],
    ] as const)
      expect([origin, await upgradeStatus(one, { Origin: origin })]).toEqual([origin, expected])
    expect(await upgradeStatus(one)).toBe(101)
  })

  test('a WebSocket opens with our sub-protocol or none, and is refused with another', async () => {
    const one = serveClient()
    expect(await upgradeStatus(one, { 'Sec-WebSocket-Protocol': 'graphql-transport-ws, cloudevents.json' })).toBe(101)
    expect(await upgradeStatus(one, { 'Sec-WebSocket-Protocol': 'graphql-transport-ws' })).toBe(400)
  })

  test('a WebSocket in production opens for those whom the guard permits, or with the token', async () => {
    expect(await upgradeStatus(serveClient(production))).toBe(403)
    const guarded = serveClient({ ...production, guard: c => c.req.header('x-role') === 'admin' || c.text('no', 418) })
    expect([await upgradeStatus(guarded), await upgradeStatus(guarded, { 'X-Role': 'admin' })]).toEqual([418, 101])
    const bearer = serveClient({ config: readConfig({ NODE_ENV: 'production', ADMIN_TOKEN: 'a-token-of-16-characters' }) })
    expect([
      await upgradeStatus(bearer),
      await upgradeStatus(bearer, { Authorization: 'Bearer a-token-of-16-characters' }),
    ]).toEqual([401, 101])
  })

  test('a WebSocket in production without the token follows public streams only', async () => {
    for (const options of [
      production,
      { config: readConfig({ NODE_ENV: 'production', ADMIN_TOKEN: 'a-token-of-16-characters' }) },
    ]) {
      const one = serveClient({ ...options, publicStreams: [account] })
      await one.deposit(1)
      const socket = await subscribe(one, { after: 0, filter: { categories: ['account'] }, credit: 1 })
      await awaitPositions(socket, 1)
      socket.say({ type: 'subscribe' })
      expect(await socket.closed).toEqual({ code: 4403, reason: 'forbidden' })
    }
  })

  test('GET /events as a WebSocket answers 400 where the server has no WebSocket handlers', async () => {
    const { app } = client()
    const server = Bun.serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1', development: false })
    cleanUpLater(() => server.stop(true))
    expect(await upgradeStatus({ server } as ServedClient)).toBe(400)
  })
})
