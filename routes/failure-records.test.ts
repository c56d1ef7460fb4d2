// Whatever of the user's code throws in a request: one record, by which the request that its caller names is found.
import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { decider } from '../src/definitions/decider/decider.ts'
import { readConfig } from '../src/config.ts'
import { events, spec } from '../src/definitions/event/events.ts'
import { projection } from '../src/definitions/projection/projection.ts'
import { query } from '../src/definitions/query.ts'
import { printReports } from '../src/ports/report/print.ts'
import { StoreError } from '../src/ports/store/errors.ts'
import { memory } from '../src/ports/store/memory.ts'
import { until } from '../src/test-support/servers/until.ts'
import { client, expectProblem } from '../src/test-support/http.ts'
import { type AppOptions, app } from './app.ts'

const Bomb = events('bomb', { Lit: z.object({}), Cut: z.object({}) })
const fail = (where: string) => (): never => {
  throw new Error(`a secret of the ${where}`, { cause: new TypeError('deep inside') })
}
const bomb = decider(Bomb, {
  initial: {},
  evolve: { Lit: fail('fold'), Cut: state => state },
  commands: { light: z.object({}), look: z.object({}), cut: z.object({}), shout: z.object({}) },
  decide: {
    light: () => Bomb.Lit({}),
    look: fail('decision'),
    cut: () => Bomb.Cut({}),
    shout: () => {
      throw 'a secret text'
    },
  },
  expose: z.object({}).transform(fail('state')),
})
const broken = query('broken', { params: z.object({}), run: fail('query') })
const fuses = projection('fuses', {
  from: Bomb,
  row: z.object({}),
  initial: {},
  evolve: { Cut: fail('live fold') },
  live: true,
})

const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const headers = { 'X-Request-Id': 'request-1', 'X-Correlation-Id': 'cause-1', traceparent }
const commandFields = (name: string) => ({ command: `bomb.${name}`, stream: 'bomb-b1', correlation: 'cause-1', method: 'POST' })

function failingClient(options: Partial<AppOptions> = {}) {
  const lines: string[] = []
  const report = printReports({ write: line => lines.push(line), isTerminal: false, now: () => 0 })
  const opened = client({ serve: [bomb, broken, fuses], report, ...options })
  opened.app.get('/mine', fail('route')).get('/odd', () => {
    throw { odd: true }
  })
  return { ...opened, lines }
}

describe('code of a user that throws', () => {
  test.each<[string, string, string, object]>([
    ['decision', '/bomb/b1/look', 'a secret of the decision', commandFields('look')],
    ['fold', '/bomb/b1/light', 'a secret of the fold', commandFields('light')],
    ['decision that throws a text', '/bomb/b1/shout', '"a secret text" was thrown, which is no error', commandFields('shout')],
    ['query', '/broken', 'a secret of the query', { query: 'broken', method: 'GET' }],
    ['route', '/mine', 'a secret of the route', { method: 'GET' }],
    ['route that throws an object', '/odd', 'was thrown, which is no error', { method: 'GET' }],
  ])('a %s that throws is one record with the request id of the problem', async (_, path, message, fields) => {
    const { ask, lines } = failingClient()
    const answer = await ask(path, { method: path.startsWith('/bomb') ? 'POST' : 'GET', headers })
    expectProblem(answer, 'internal', { requestId: 'request-1' })
    expect(answer.headers.get('x-request-id')).toBe('request-1')
    expect(JSON.stringify(answer.body)).not.toContain('secret')
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/^\{[^\n]*\}\n$/)
    const { body, error, ...record } = JSON.parse(lines[0]!) as Record<string, unknown>
    expect(record).toEqual({
      timestamp: '1970-01-01T00:00:00.000Z',
      severityText: 'ERROR',
      severityNumber: 17,
      code: 'request-failed',
      requestId: 'request-1',
      traceId: '0af7651916cd43dd8448eb211c80319c',
      path,
      ...fields,
    })
    expect(body).toContain(message)
    expect(error).toMatchObject({ message: expect.stringContaining(message), cause: { message: expect.any(String) } })
  })

  test('a state that throws as it is shown is one record with its stream', async () => {
    const { get, post, lines } = failingClient()
    await post('/bomb/b1/cut')
    expectProblem(await get('/bomb/b1', headers), 'internal', { requestId: 'request-1' })
    expect(lines.map(line => JSON.parse(line) as unknown)).toMatchObject([{ code: 'request-failed', stream: 'bomb-b1' }])
  })

  test('a state that throws as it is shown after a command is one record, and the command is accepted', async () => {
    const { post, lines } = failingClient()
    const { status, headers: answered } = await post('/bomb/b1/cut', {}, { ...headers, Prefer: 'return=representation' })
    expect([status, answered.get('preference-applied')]).toEqual([201, null])
    expect(lines.map(line => JSON.parse(line) as unknown)).toMatchObject([
      { code: 'representation-failed', requestId: 'request-1', ...commandFields('cut') },
    ])
  })

  test('a live fold that throws is one record with its projection, key and position', async () => {
    const { get, post, lines } = failingClient()
    await post('/bomb/b1/cut')
    expectProblem(await get('/fuses/b1', headers), 'parked', { projection: 'fuses', position: 0, detail: expect.any(String) })
    expect(lines.map(line => JSON.parse(line) as unknown)).toMatchObject([
      { code: 'live-row-failed', projection: 'fuses', key: 'b1', position: 1, error: { cause: { message: 'deep inside' } } },
    ])
  })

  test.each<[string, string, Partial<AppOptions>]>([
    ['guard', '/streams/bomb-b1', { guard: fail('guard') }],
    ['guard of followers', '/events', { guard: fail('guard') }],
    ['name of the actor', '/bomb/b1/cut', { actor: fail('actor') }],
  ])('a %s that throws is one record with the request id of the problem', async (_, path, options) => {
    const { ask, lines } = failingClient(options)
    const answer = await ask(path, { method: path.startsWith('/bomb') ? 'POST' : 'GET', headers })
    expectProblem(answer, 'internal', { requestId: 'request-1' })
    expect(lines.map(line => JSON.parse(line) as unknown)).toMatchObject([
      { code: 'request-failed', requestId: 'request-1', path },
    ])
  })
})

test('an app that cannot start reports that once, and once more when it has started, however often it is asked', async () => {
  const reported: unknown[] = []
  let isGone = true
  const inner = memory()
  const open = async () => (isGone ? Promise.reject(new StoreError('unavailable', 'no database')) : inner.open())
  const report = (one: unknown) => void reported.push(one)
  const store = { ...inner, open }
  const served = app({ serve: [bomb], config: readConfig({}), report, store, requestRecords: false })
  for (const path of ['/ready', '/startup', '/bomb/b1', '/ready']) expect((await served.request(path)).status).toBe(503)
  isGone = false
  await until('it has started', async () => (await served.request('/startup')).status === 200)
  expect(reported).toMatchObject([{ code: 'retry-began', cause: new Error('no database') }, { code: 'retry-ended' }])
  await served[spec].stop()
})
