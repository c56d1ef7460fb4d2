import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { query } from '../../src/definitions/query.ts'
import { account } from '../../src/test-support/account.ts'
import { cleanUp } from '../../src/test-support/cleanup.ts'
import { openThingApp, type ThingApp } from '../../src/test-support/thing-app.ts'

const named = query('named', { params: z.object({ name: z.coerce.string().optional() }), run: async () => 1 })

/** Probes take anything, and the feed says what it takes in a test of its own. */
const PASSED = ['/health', '/ready', '/startup', '/metrics', '/events']

type Schema = {
  readonly type?: string | readonly string[]
  readonly format?: string
  readonly enum?: readonly string[]
  readonly anyOf?: readonly Schema[]
}
type Parameter = { readonly $ref?: string; readonly in: string; readonly name: string; readonly schema: Schema }
type Document = {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly parameters?: readonly Parameter[] }>>>>
  readonly components: { readonly parameters: Readonly<Record<string, Parameter>> }
}

let opened: ThingApp
let document: Document
beforeAll(async () => {
  opened = openThingApp([named, account])
  await opened.say('a', 'set', { name: 'x', shelf: 'top', price: 1, rare: false })
  await opened.post('/account/a/deposit', { cents: 1 })
  document = (await opened.get('/openapi.json')).body as Document
})
afterAll(cleanUp)

const VALUES: Readonly<Record<string, string>> = { integer: '1', number: '1', boolean: 'true', string: 'a' }
/** A value that a parameter takes once. Null: its value is a list. */
function textFor({ type, format, enum: [first] = [], anyOf: [other] = [] }: Schema): string | null {
  if (format === 'date-time') return '2026-01-31T00:00:00Z'
  if (type === undefined && other) return textFor(other)
  const [kind = 'string'] = [type ?? []].flat()
  return kind === 'array' ? null : (first ?? VALUES[kind]!)
}

describe('a parameter that is given twice', () => {
  test('every route of the document refuses a parameter of one value that is given twice, and names it', async () => {
    const asked: string[] = []
    for (const [path, methods] of Object.entries(document.paths))
      for (const [method, { parameters = [] }] of Object.entries(methods))
        for (const one of parameters.map(one =>
          one.$ref ? document.components.parameters[one.$ref.split('/').at(-1)!]! : one,
        )) {
          const value = one.in === 'query' && !PASSED.includes(path) ? textFor(one.schema) : null
          if (value === null) continue
          const given = `${one.name}=${one.name === 'min-position' ? '1' : encodeURIComponent(value)}`
          const to = path.replace('{stream}', 'thing-a').replaceAll(/\{\w+\}/g, 'a')
          const once = await opened.ask(`${to}?${given}`, { method: method.toUpperCase() })
          // No cursor is valid that a list has not given.
          const isTaken = one.name === 'cursor' || !JSON.stringify(once.body).includes(`#/${one.name}`)
          expect([path, given, isTaken]).toEqual([path, given, true])
          const twice = await opened.ask(`${to}?${given}&${given}`, { method: method.toUpperCase() })
          expect([path, one.name, twice.status]).toEqual([path, one.name, 400])
          expect(JSON.stringify(twice.body)).toContain(`#/${one.name}`)
          asked.push(`${path} ${one.name}`)
        }
    expect(asked).toEqual(
      expect.arrayContaining([
        '/account/{id} version',
        '/account/{id} at',
        '/streams/{stream} limit',
        '/streams/{stream} order',
        '/things/{key} min-position',
        '/things limit',
        '/things cursor',
        '/named name',
      ]),
    )
  })

  test('the feed refuses two positions to begin after, also where a header names one', async () => {
    for (const headers of [{}, { 'Last-Event-ID': '1' }]) {
      const { status, body } = await opened.ask('/events?category=thing&after=1&after=1', { headers })
      expect([status, JSON.stringify(body)]).toEqual([400, expect.stringContaining('#/after')])
    }
  })
})
