import { afterEach, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { z } from 'zod'
import { postgres } from '../src/adapters/postgres/store.ts'
import { sqlite } from '../src/adapters/sqlite/store.ts'
import { readConfig } from '../src/config.ts'
import { allow } from '../src/definitions/access/allow.ts'
import { decider } from '../src/definitions/decider/decider.ts'
import { events, spec } from '../src/definitions/event/events.ts'
import { processManager } from '../src/definitions/process/process.ts'
import { processor } from '../src/definitions/processor.ts'
import { projection } from '../src/definitions/projection/projection.ts'
import { sqlProjection } from '../src/definitions/projection/sql-projection.ts'
import { query } from '../src/definitions/query.ts'
import { memory } from '../src/ports/store/memory.ts'
import { recordOf } from '../src/ports/report/notice-record.ts'
import type { Store } from '../src/ports/store/store.ts'
import { cleanUp, cleanUpLater } from '../src/test-support/cleanup.ts'
import { answerOf } from '../src/test-support/http.ts'
import { testSchema } from '../src/test-support/schema.ts'
import { until } from '../src/test-support/servers/until.ts'
import { newFolder } from '../src/test-support/sqlite.ts'
import { exporter, tracing } from '../src/test-support/tracing.ts'
import { app } from './app.ts'

afterEach(cleanUp)

const STORES: Readonly<Record<string, () => Promise<Store>>> = {
  memory: async () => memory(),
  sqlite: async () => sqlite(join(newFolder(), 'log.db')),
  postgresql: async () => {
    const at = await testSchema()
    cleanUpLater(at.drop)
    return postgres(at.url, { schema: at.schema })
  },
}
/** Where code of a user's gets a card, and throws with it. */
const BY_COMMAND = ['check', 'prepare', 'reads', 'rule', 'decide', 'stray', 'evolve'] as const
const BY_EVENT = ['row', 'key', 'misfit', 'handle', 'order', 'react', 'sql'] as const
const CODES = ['request-failed', 'key-parked']

/** The number of a card for a place. No other text has it. */
const cardFor = (place: string) => `4111-${place}-7f3a91`
/** Throws what it was given, if that has the card for the place. */
function failAt(place: string, ...held: readonly unknown[]): void {
  const text = JSON.stringify(held)
  if (text.includes(cardFor(place))) throw new Error(`no luck at ${place} with ${text}`, { cause: `because of ${text}` })
}

/** A card in a field that is marked, or in one that is not. */
const FIELDS = { marked: z.string().meta({ secret: true }).optional(), open: z.string().optional() }
type Field = keyof typeof FIELDS

/** An app whose code fails everywhere, and says of what. */
function leakyParts(hasSql: boolean) {
  const Payload = z.object({ ...FIELDS, note: z.string() }).refine(data => {
    failAt('check', data)
    return true
  })
  const Order = events('order', { Placed: Payload, Held: z.object({ note: z.string() }) })
  const order = decider(Order, {
    initial: {},
    evolve: {
      Placed: (_, data) => {
        failAt('evolve', data)
        return {}
      },
      Held: state => state,
    },
    commands: { place: Payload },
    prepare: { place: async data => failAt('prepare', data) },
    reads: {
      place: data => {
        failAt('reads', data)
        return {}
      },
    },
    decide: {
      place: (_, data) => {
        failAt('decide', data)
        return Object.values(data).includes(cardFor('stray'))
          ? ({ category: 'other', type: 'X', data } as never)
          : Order.Placed(data)
      },
    },
  })
  const orders = projection('orders', {
    from: Order,
    row: z.object(FIELDS).refine(row => !Object.values(row).includes(cardFor('misfit')), {
      error: found => `misfit: ${JSON.stringify(found.input)}`,
    }),
    initial: {},
    key: {
      Placed: (data, { instance }) => {
        failAt('key', data)
        return instance
      },
    },
    evolve: {
      Placed: (_, data) => {
        failAt('row', data)
        return { marked: data.marked, open: data.open }
      },
    },
  })
  const once = { firstMs: 1, maxMs: 1, forMs: 0 }
  const mails = processor('mails', { from: Order, retry: once, handle: ([event]) => failAt('handle', event?.data) })
  const files = processor('files', {
    from: Order,
    retry: once,
    key: ({ data, stream }) => {
      failAt('order', data)
      return stream
    },
    handle: () => {},
  })
  const watching = processManager('watching', {
    ...{ from: Order, to: order, begins: 'Placed', initial: {}, evolve: {}, on: { rejected: () => [] } },
    react: { Placed: (_, data) => failAt('react', data) as never },
  })
  const report = sqlProjection('report', {
    from: Order,
    create: () => {},
    handle: found =>
      failAt(
        'sql',
        found.map(({ data }) => data),
      ),
  })
  const find = query('find', { params: z.object(FIELDS), run: async params => failAt('query', params) ?? {} })
  const rules = [
    allow(order, {
      commands: {
        place: ({ data }) => {
          failAt('rule', data)
          return true
        },
      },
    }),
    allow(find, () => true),
  ]
  return { serve: [order, orders, mails, files, watching, find, ...(hasSql ? [report] : [])], authorize: rules }
}

/** Runs the app into all its failures. Gives everything that it has said. */
async function heardOf(store: Store, field: Field): Promise<string> {
  const said: string[] = []
  const report = Object.assign((problem: unknown) => void said.push(JSON.stringify(recordOf(problem, 0)), Bun.inspect(problem)), {
    wants: () => true,
  })
  const hasSql = store.system !== 'memory'
  const web = app({
    ...leakyParts(hasSql),
    ...{ store, report, config: readConfig({ METRICS_PUBLIC: 'true' }), telemetry: tracing.telemetry },
    requestRecords: { oneIn: 1 },
  })
  cleanUpLater(() => web[spec].stop())
  const post = (place: string) =>
    web.request(`/order/${place}/place`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ [field]: cardFor(place), note: 'a note of nobody' }),
    })
  const places = [...BY_COMMAND, ...BY_EVENT.filter(place => hasSql || place !== 'sql')]
  for (const place of places) await post(place)
  await web.request(`/find?${field}=${cardFor('query')}`)
  const isSaid = (place: string) =>
    said.some(text => text.includes(`at ${place} with`) || (/stray|misfit/.test(place) && text.includes(place)))
  for (const place of [...places, 'query']) await until(`${place} is heard of`, () => isSaid(place))
  for (const path of ['/ready?verbose', '/metrics', '/logs', '/openapi.json', '/health'])
    said.push(JSON.stringify((await answerOf(await web.request(path))).body))
  said.push(
    Bun.inspect(
      exporter.getFinishedSpans().map(({ name, attributes, events, status }) => ({ name, attributes, events, status })),
      { depth: 9 },
    ),
  )
  return said.join('\n')
}

describe.each(Object.keys(STORES))('fields that are marked secret, on %s', name => {
  test('the value of a marked field is in nothing that an app says, wherever code throws with it', async () => {
    const said = await heardOf(await STORES[name]!(), 'marked')
    for (const code of CODES) expect(said).toContain(code)
    expect(said).toContain('***')
    const places = [...BY_COMMAND, ...BY_EVENT, 'query'].filter(place => said.includes(cardFor(place)))
    expect(places).toEqual([])
  })

  test('the same search finds the value of a field that is not marked', async () => {
    const said = await heardOf(await STORES[name]!(), 'open')
    const expected = [...BY_COMMAND, ...BY_EVENT, 'query'].filter(place => place !== 'sql' || name !== 'memory')
    expect(expected.filter(place => !said.includes(cardFor(place)))).toEqual([])
  })
})
