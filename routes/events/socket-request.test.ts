// A WebSocket that says what it follows by its query string, as server-sent events do.
import { afterEach, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { readConfig } from '../../src/config.ts'
import { account } from '../../src/test-support/account.ts'
import { cleanUp } from '../../src/test-support/cleanup.ts'
import { diary, ofOneself } from '../../src/test-support/diary.ts'
import { until } from '../../src/test-support/servers/until.ts'
import { ROOT } from '../../src/test-support/sources.ts'
import {
  askUpgrade,
  awaitPositions,
  open,
  type ServedClient,
  serveClient,
  upgradeStatus,
} from '../../src/test-support/socket-client.ts'
import { FILTER_VALUES_MAX } from '../../src/ports/store/event-filter.ts'
import { websocket } from './server.ts'
import { CLOSE_CODES, CREDIT_MAX, HEARTBEAT_MS, STALLED_MS_MAX } from './socket.ts'

afterEach(cleanUp)

const problemOf = (answer: string): object => JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))) as object

async function openAt(one: ServedClient, query: string, headers = {}) {
  const socket = await open(one, headers, query)
  await until('it is told where it begins', () => socket.said.length > 0)
  return socket
}

describe('a WebSocket with a query string', () => {
  test('a WebSocket with a query string follows that, and sends nothing before it has credit', async () => {
    const one = serveClient()
    await one.deposit(2)
    await one.post('/account/a1/withdraw', { cents: 1 })
    const socket = await openAt(one, '?after=0&type=Withdrawn,Deposited&type=account.Opened&stream=account-a1&category=account')
    await one.deposit(1)
    expect(socket.said).toEqual([{ type: 'position', id: '0' }])
    socket.say({ type: 'credit', n: 3 })
    await awaitPositions(socket, 1, 2, 3)
    socket.say({ type: 'credit', n: 9 })
    await awaitPositions(socket, 1, 2, 3, 4)
  })

  test.each([
    ['?type=Withdrawn', {}, [4]],
    ['?category=cart', { 'Last-Event-ID': '1' }, []],
    ['', { 'Last-Event-ID': '2' }, [3, 4]],
    ['?after=0', { 'Last-Event-ID': '2' }, [3, 4]],
    ['?after=', { 'Last-Event-ID': '' }, [4]],
  ])('a WebSocket of "%s" with the headers %j sends the events %j', async (query, headers, positions) => {
    const one = serveClient()
    await one.deposit(3)
    const socket = await openAt(one, query, headers)
    socket.say({ type: 'credit', n: 9 })
    await one.post('/account/a1/withdraw', { cents: 1 })
    await awaitPositions(socket, ...positions)
  })

  test('a subscription by a message replaces that of the query string', async () => {
    const one = serveClient()
    await one.deposit(2)
    const socket = await openAt(one, '?after=0&category=cart')
    socket.say({ type: 'subscribe', after: 1, credit: 9 })
    await awaitPositions(socket, 2)
  })

  test.each([
    ['?catgory=account', 400, 'is no parameter; did you mean category? there are after, category, type, stream'],
    ['?credit=9', 400, 'is no parameter; there are after, category, type, stream'],
    ['?after=x', 400, 'expected a position, such as the id of an event'],
    ['?after=1&after=2', 400, 'expected one position'],
    [`?type=${'x,'.repeat(101)}`, 400, 'expected 100 values at most'],
    ['?type=%zz', 400, 'what follows a % is no UTF-8 in two hexadecimal digits each'],
    ['?stream=%00', 400, 'U+0000 is refused'],
    ['?after=7', 409, '7 is not of this log'],
    ['?after=2.0', 409, '2.0 is not of this log'],
  ])(
    'a WebSocket of "%s" is answered %d before the upgrade, with the problem of server-sent events',
    async (query, status, detail) => {
      const one = serveClient()
      const sent = await one.get(`/events${query}`)
      expect([sent.status, JSON.stringify(sent.body)]).toEqual([status, expect.stringContaining(detail)])
      const refused = await askUpgrade(one, {}, `/events${query}`)
      expect([Number(refused.slice(9, 12)), problemOf(refused)]).toEqual([status, sent.body as object])
    },
  )

  test('a WebSocket with a Last-Event-ID that is no position is answered 400 before the upgrade', async () => {
    expect(await upgradeStatus(serveClient(), { 'Last-Event-ID': 'x' })).toBe(400)
  })

  test('a WebSocket with a query string opens only for those who may follow that', async () => {
    const config = readConfig({ NODE_ENV: 'production' })
    const one = serveClient({ config, publicStreams: [account], parameters: ['access_token'] })
    const statusOf = (query: string) => upgradeStatus(one, {}, `/events${query}`)
    const asked = ['', '?access_token=x', '?category=account', '?category=cart', '?after=0', '?catgory=account']
    expect(await Promise.all(asked.map(statusOf))).toEqual([101, 101, 101, 403, 403, 403])
  })

  test('a WebSocket with a query string opens only for what the rule of the app passes', async () => {
    const actor = () => ({ id: 'ada' })
    const one = serveClient({ serve: diary, actor, authorize: ofOneself })
    await one.post('/note/a1/write', { owner: 'ada', text: '' })
    const statusOf = (query: string) => upgradeStatus(one, {}, `/events${query}`)
    expect([await statusOf('?stream=note-a1'), await statusOf('?stream=note-b1')]).toEqual([101, 403])
  })
})

describe('a message to a WebSocket', () => {
  test.each([
    [{ type: 'subscribe', filtr: {} }, '#', 'filtr is no member; did you mean filter? there are type, after, filter, credit'],
    [
      { type: 'subscribe', filter: { category: ['a'] } },
      '#/filter',
      'category is no member; did you mean categories? there are categories, types, streams, correlations',
    ],
    [{ type: 'credit', n: 1, m: 2 }, '#', 'm is no member; there are type, n'],
    [{ type: 'subscribed' }, '#/type', 'expected a message whose type is subscribe or credit'],
    [{ type: 'subscribe', after: -1 }, '#/after', 'expected a position, such as the id of an event'],
    [{ type: 'credit', n: 1_000_001 }, '#/n', expect.any(String)],
    [{ type: 'subscribe', filter: { types: Array(101).fill('x') } }, '#/filter/types', expect.any(String)],
  ])('the message %j to a WebSocket is refused at %s', async (message, pointer, detail) => {
    const socket = await open(serveClient())
    socket.say(message)
    expect(await socket.closed).toEqual({ code: 1008, reason: 'validation-failed' })
    expect(socket.said).toMatchObject([{ type: 'error', problem: { errors: [{ pointer, detail }] } }])
  })

  test('a WebSocket that sends bytes is closed with 1003', async () => {
    const socket = await open(serveClient())
    socket.say(new Uint8Array([123, 125]))
    expect(await socket.closed).toEqual({ code: 1003, reason: 'messages are text' })
  })

  test('a WebSocket that sends more than 65 536 bytes at once is closed with 1009', async () => {
    const socket = await open(serveClient())
    socket.say(`{"type":"${'x'.repeat(65_536)}"}`)
    expect(await socket.closed).toEqual({ code: 1009, reason: expect.any(String) })
  })
})

test('each close code and each bound of a WebSocket in docs/live.md is that of the source', async () => {
  const page = await Bun.file(join(ROOT, 'docs/live.md')).text()
  const codes = [...page.matchAll(/^\| (\d{4}) \|/gm)].map(([, code]) => Number(code))
  expect(codes).toEqual([TOO_LARGE, ...Object.values(CLOSE_CODES)].sort())
  const shown = (bound: number) => bound.toLocaleString('en').replaceAll(',', ' ')
  for (const bound of [
    `after ${HEARTBEAT_MS / 1_000} s`,
    `for ${STALLED_MS_MAX / 1_000} s`,
    `${websocket.idleTimeout} s`,
    `${shown(CREDIT_MAX)}`,
    `${shown(websocket.maxPayloadLength!)} bytes`,
    `${FILTER_VALUES_MAX} values`,
  ])
    expect(page.slice(page.indexOf('## Over a WebSocket'))).toContain(bound)
})
/** Bun closes with it, by RFC 6455. */
const TOO_LARGE = 1009
