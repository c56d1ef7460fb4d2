// Commands that only processes, processors and code send.
import { afterEach, describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { decider } from '../../src/definitions/decider/decider.ts'
import { events, spec } from '../../src/definitions/event/events.ts'
import { cleanUp } from '../../src/test-support/cleanup.ts'
import { expectProblem, openClient } from '../../src/test-support/http.ts'
import { handle } from './commands.ts'

afterEach(cleanUp)

const None = z.object({})
const Card = events('card', { Charged: None })
const cardOf = (...internal: ('charge' | 'show')[]) =>
  decider(Card, {
    initial: { charges: 0 },
    evolve: { Charged: ({ charges }) => ({ charges: charges + 1 }) },
    commands: { charge: None, show: None },
    internal,
    decide: { charge: () => Card.Charged({}), show: () => [] },
    expose: z.object({ charges: z.int() }),
  })
const card = cardOf('charge')

type Document = { readonly paths: Readonly<Record<string, object>>; readonly components: { readonly schemas: object } }
const documentOf = async (served: ReturnType<typeof cardOf>) =>
  (await openClient({ serve: [served] }).get('/openapi.json')).body as Document

describe('an internal command', () => {
  test('an internal command is answered over HTTP as an unknown one, with an id and without, and has no effect', async () => {
    const { post, app } = openClient({ serve: [card] })
    for (const path of ['/card/c1/charge', '/card/charge', '/card/c1/charge/']) {
      const [{ status, body }, unknown] = [await post(path, {}), await post(path.replace('charge', 'unknown'), {})]
      const { instance: _, ...problem } = body as { instance: string }
      const { instance: __, ...expected } = unknown.body as { instance: string }
      expect([status, problem]).toEqual([unknown.status, expected])
    }
    expectProblem(await post('/card/c1/charge', {}), 'not-found')
    expect((await post('/card/c1/show', {})).status).toBe(200)
    const { services } = app[spec].running()
    expect(await services!.state('card', 'c1')).toBeNull()
  })

  test('an internal command is sent by code', async () => {
    const { get, app } = openClient({ serve: [card] })
    await get('/card/c1')
    expect(await app[spec].running().services!.send(card.charge('c1', {}))).toMatchObject({ outcome: 'accepted' })
    expect((await get('/card/c1')).body).toEqual({ charges: 1 })
  })

  test('an internal command is not in OpenAPI, nor is its schema', async () => {
    const { paths, components } = await documentOf(card)
    expect(Object.keys(paths)).toEqual(expect.arrayContaining(['/card/{id}/show', '/card/show', '/card/{id}', '/commands/{id}']))
    expect([...Object.keys(paths), ...Object.keys(components.schemas)].filter(name => /charge/i.test(name))).toEqual([
      'CardCharged',
    ])
  })

  test('a decider of internal commands alone has in OpenAPI only its state', async () => {
    const { paths, components } = await documentOf(cardOf('charge', 'show'))
    expect(Object.keys(paths).filter(path => /card|commands/.test(path))).toEqual(['/card/{id}'])
    expect(components.schemas).not.toHaveProperty('CardAccepted')
  })

  test('a handler of an internal command is refused where it is made', () => {
    expect(() => handle(card.charge)).toThrow('handle(card.charge): the command is internal, and so has no route')
    expect(() => handle(card.show)).not.toThrow()
  })

  test('a decider is refused whose internal commands name none of its commands', () => {
    expect(() => cardOf('refund' as 'charge')).toThrow('card: internal names refund; there are charge, show')
  })
})
