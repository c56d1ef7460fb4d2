import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Context, Next } from 'hono'
import { z } from 'zod'
import { query } from '../../src/definitions/query.ts'
import { account } from '../../src/test-support/account.ts'
import { cleanUp } from '../../src/test-support/cleanup.ts'
import { expectProblem } from '../../src/test-support/http.ts'
import { openThingApp, type ThingApp } from '../../src/test-support/thing-app.ts'

/** Orchestrators and scrapers may add parameters of their own, and the script's URL has the name of its content as one. */
const OPEN = ['/health', '/ready', '/startup', '/metrics', '/docs/scalar.js']
const named = query('named', { params: z.object({ name: z.string() }), run: async () => 1 })
const lost = query('lost', { params: z.object({ of: z.string().optional() }), cache: { ttl: '1 minute' }, run: async () => 1 })

type Operation = {
  readonly parameters?: readonly { readonly $ref?: string; readonly in?: string; readonly name?: string }[]
  readonly responses: object
}
type Document = {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly parameters: Readonly<Record<string, { readonly in: string; readonly name: string }>> }
}

let opened: ThingApp
let document: Document
beforeAll(async () => {
  opened = openThingApp([named, lost, account], { parameters: ['access_token'] })
  document = (await opened.get('/openapi.json')).body as Document
})
afterAll(cleanUp)

const filled = (path: string) =>
  path
    .replace('{slug}', 'internal')
    .replace('{stream}', 'thing-a')
    .replaceAll(/\{\w+\}/g, 'a')
const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  )
/** The parameters in the query of an operation, by its document. */
const documented = ({ parameters = [] }: Operation) =>
  parameters
    .map(one => (one.$ref ? document.components.parameters[one.$ref.split('/').at(-1)!]! : one))
    .filter(one => one.in === 'query')
    .map(({ name }) => name!)

describe('an unknown parameter', () => {
  test('every route that the app derives refuses an unknown parameter, but for probes and the script of /docs', async () => {
    const routes = opened.app.routes.filter(({ method, path }) => method !== 'ALL' && !path.includes('*'))
    const asked = new Set(routes.map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`))
    const taken: string[] = []
    for (const one of asked) {
      const [method, path] = one.split(' ') as [string, string]
      const { status, body } = await opened.ask(`${filled(path)}?zzz=1`, { method, headers: { 'Sec-Fetch-Site': 'none' } })
      if (status !== 400 || !JSON.stringify(body).includes('#/zzz')) taken.push(path)
    }
    expect(taken.toSorted()).toEqual(OPEN.toSorted())
    expect(operations().filter(({ path, method }) => !asked.has(`${method} ${path}`))).toEqual([])
  })

  test('the refusal of an unknown parameter lists those that the document has, and each operation has its 400', async () => {
    for (const { path, method, operation } of operations().filter(({ path }) => !OPEN.includes(path))) {
      const { body } = await opened.ask(`${filled(path)}?zzz=1`, { method })
      const [{ detail }] = (body as { readonly errors: [{ readonly detail: string }] }).errors
      const listed = /there are (.*)$/
        .exec(detail)![1]!
        .split(', ')
        .filter(name => name !== 'none')
      expect({ path, listed: listed.toSorted(), answers: Object.keys(operation.responses) }).toEqual({
        path,
        listed: documented(operation).toSorted(),
        answers: expect.arrayContaining(['400']),
      })
    }
  })

  test.each([
    ['/account/a?versoin=2', 'versoin', 'did you mean version?'],
    ['/sets/a?min-positon=1', 'min-positon', 'did you mean min-position?'],
    ['/streams/thing-a?aftr=1', 'aftr', 'did you mean after?'],
    ['/events?catgory=thing', 'catgory', 'did you mean category?'],
    ['/events?category=thing&After=1', 'After', 'did you mean after?'],
    ['/commands/x?wait=1', 'wait', 'there are none'],
  ])('a parameter that is misspelt is refused with the nearest name: %s', async (path, name, says) => {
    const problem = expectProblem(await opened.get(path), 'validation-failed', {
      errors: [{ pointer: `#/${name}`, detail: expect.stringContaining(says) }],
    })
    expect(problem).not.toHaveProperty('code')
  })

  test('a parameter that the app says a middleware reads is passed over by every route, and sent to no schema', async () => {
    await opened.say('b', 'set', { name: 'x', shelf: 'top', price: 1, rare: false })
    for (const path of ['/things/b', '/things', '/named?name=x', '/streams/thing-b', '/sets/b', '/openapi.json']) {
      const { status } = await opened.see(`${path}${path.includes('?') ? '&' : '?'}access_token=secret`)
      expect([path, status]).toEqual([path, 200])
    }
    const { status } = await opened.post('/thing/b/remove?access_token=secret', {})
    expect(status).toBe(200)
  })

  test('a command with an unknown parameter has no effect', async () => {
    const { status } = await opened.post('/thing/c/set?dry-run=true', { name: 'x', shelf: 'top', price: 1, rare: false })
    expect(status).toBe(400)
    expectProblem(await opened.get('/streams/thing-c'), 'stream-not-found')
  })

  test('a route of the user keeps all parameters, and a middleware of the user opens none', async () => {
    const own = openThingApp()
    own.app.get('/mine', (c: Context) => c.text(c.req.query('zzz') ?? ''))
    own.app.use('/things', async (_: Context, next: Next) => next())
    expect((await own.get('/mine?zzz=1')).body).toBe('1')
    expect((await own.get('/things?zzz=1')).status).toBe(400)
  })
})
