import { afterEach, describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { inbox } from '../../src/dispatch/inbox.ts'
import { account } from '../../src/test-support/account.ts'
import { cleanUp } from '../../src/test-support/cleanup.ts'
import { client, expectProblem, openClient } from '../../src/test-support/http.ts'
import { until } from '../../src/test-support/servers/until.ts'
import { receive } from './inbox.ts'

afterEach(cleanUp)

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/

describe('the log', () => {
  const appendedMeta = async (headers: Record<string, string>, options = {}) => {
    const { post, get } = client(options)
    const answer = await post('/account/a1/deposit', { cents: 5 }, headers)
    const { events } = (await get('/streams/account-a1')).body as { events: { meta: Record<string, string> }[] }
    const { schema, ...meta } = events[0]!.meta
    expect(schema).toBeString()
    return { meta, request: answer.headers.get('x-request-id') }
  }

  test('an appended event has the request id of the client as correlation, or a new one', async () => {
    const fresh = await appendedMeta({})
    expect(fresh.request).toMatch(UUID)
    expect(fresh.meta).toEqual({ correlation: fresh.request!, causation: fresh.request! })
    const ofClient = await appendedMeta({ 'X-Request-Id': 'request-1' })
    expect(ofClient).toEqual({ request: 'request-1', meta: { correlation: 'request-1', causation: 'request-1' } })
  })

  test('an appended event has the causation and the trace of its request', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const { meta } = await appendedMeta({ 'X-Correlation-Id': 'c.1', 'X-Causation-Id': 'e:1', traceparent })
    expect(meta).toEqual({ correlation: 'c.1', causation: 'e:1', traceparent })
  })

  test.each([
    ['X-Correlation-Id', 'x'.repeat(401)],
    ['X-Correlation-Id', 'c-1, c-2'],
    ['X-Causation-Id', 'c-1,c-2'],
    ['X-Causation-Id', 'ü'],
    ['X-Causation-Id', '..'],
  ])('a command whose %s is no name answers 400 and is not appended', async (header, id) => {
    const { post, store } = client()
    const answer = await post('/account/a1/deposit', { cents: 5 }, { [header]: id })
    const detail = `${header} takes 1 to 400 printable ASCII characters, a comma only in quotes, and neither . nor ..`
    expectProblem(answer, 'bad-header', { detail })
    expect(store.calls.append).toBe(0)
  })

  test('an appended event has a correlation with a comma, which stands in quotes', async () => {
    const { meta } = await appendedMeta({ 'X-Correlation-Id': '"c-1, \\"c-2\\""' })
    expect(meta).toMatchObject({ correlation: 'c-1, "c-2"' })
  })

  test('an appended event does not have a request id or a trace that is malformed in the request', async () => {
    const { meta, request } = await appendedMeta({
      'X-Request-Id': 'a b',
      'X-Correlation-Id': '',
      traceparent: 'nonsense',
    })
    expect(request).toMatch(UUID)
    expect(meta).toEqual({ correlation: request!, causation: request! })
  })

  test('an appended event has the actor that the app gives', async () => {
    const actor = async (c: { req: { header(name: string): string | undefined } }) => c.req.header('x-user') ?? null
    expect((await appendedMeta({ 'X-User': 'ada' }, { actor })).meta).toMatchObject({ actor: 'ada' })
    expect((await appendedMeta({}, { actor })).meta).not.toHaveProperty('actor')
  })
})

describe('the metadata that an app adds', () => {
  type Request = { req: { header(name: string): string | undefined } }
  const meta = async ({ req }: Request) => {
    const tenant = req.header('x-tenant')
    return tenant === undefined ? null : { tenant, from: ['http'] }
  }
  const post = (headers: Record<string, string>) => openClient({ meta }).post('/account/a1/deposit', { cents: 5 }, headers)

  test('an event has the metadata that the option meta gives for its request, as the stream shows, and none for null', async () => {
    const { post, get } = openClient({ meta })
    await post('/account/a1/deposit', { cents: 5 }, { 'X-Tenant': 'north' })
    await post('/account/a1/deposit', { cents: 5 })
    const { events } = (await get('/streams/account-a1')).body as { events: { meta: object }[] }
    expect(events[0]?.meta).toMatchObject({ custom: { tenant: 'north', from: ['http'] } })
    expect(events[1]?.meta).not.toHaveProperty('custom')
  })

  test('a command whose metadata is too long answers 400 with its place, and is not appended', async () => {
    const detail = `a meta is at most 4096 characters of JSON, found ${4_096 + '{"tenant":"","from":["http"]}'.length}`
    const answer = await post({ 'X-Tenant': 'x'.repeat(4_096) })
    expectProblem(answer, 'validation-failed', { errors: [{ pointer: '#/meta', detail }] })
  })

  test('a scheduled command and a webhook have the metadata of the request that brought them', async () => {
    const { app, post, store } = openClient({ meta })
    const command = () => account.deposit('a2', { cents: 1 })
    app.post('/hook', receive(inbox('hooks', { message: z.object({ id: z.string() }), command, verify: () => null })))
    await post('/account/a1/deposit', { cents: 5 }, { 'X-Tenant': 'north', Prefer: 'respond-async' })
    await post('/hook', { id: 'm1' }, { 'X-Tenant': 'south' })
    const tenants = async () =>
      (await store.readAll({ after: 0, limit: 9 })).map(({ stream, meta }) => `${stream} ${JSON.parse(meta).custom?.tenant}`)
    await until('both are appended', async () => (await tenants()).length === 2)
    expect((await tenants()).toSorted()).toEqual(['account-a1 north', 'account-a2 south'])
  })
})
