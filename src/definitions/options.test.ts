// What JavaScript callers and casts may give wrongly: each definition refuses it where it is made.
import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { app } from '../../routes/app.ts'
import { main } from '../cli/index.ts'
import {
  decider,
  events,
  every,
  processManager,
  processor,
  projection,
  query,
  runtime,
  saga,
  schedule,
  sqlProjection,
} from '../index.ts'

const None = z.object({})
const Order = events('order', { Placed: None })
const right = {
  decider: { initial: {}, evolve: { Placed: (state: object) => state }, commands: { place: None }, decide: { place: () => [] } },
  projection: {
    from: Order,
    row: z.object({ zone: z.string() }),
    initial: { zone: '' },
    evolve: { Placed: (row: object) => row },
  },
  sqlProjection: { from: Order, create: () => {}, handle: () => {} },
  processor: { from: Order, handle: () => {} },
  query: { params: None, run: async () => null },
}
const order = decider(Order, right.decider)
const others = {
  processManager: {
    from: Order,
    to: order,
    begins: 'Placed',
    initial: {},
    evolve: {},
    react: {},
    on: { rejected: () => undefined },
  },
  saga: { from: Order, to: order, begins: { Placed: () => ({}) }, steps: [{ run: () => [] }] },
  schedule: { every: every('0 3 * * *', { zone: 'UTC' }), to: order, send: () => [] },
}

/** Each way to define something, with its right options, and the name by which it reports a wrong one. */
const DEFINITIONS: Readonly<Record<string, readonly [define: (options: object) => unknown, options: object, where: string]>> = {
  decider: [options => decider(Order, options as never), right.decider, 'decider(order)'],
  projection: [options => projection('zones', options as never), right.projection, "projection('zones')"],
  sqlProjection: [options => sqlProjection('report', options as never), right.sqlProjection, "sqlProjection('report')"],
  processor: [options => processor('mails', options as never), right.processor, "processor('mails')"],
  query: [options => query('sales', options as never), right.query, "query('sales')"],
  processManager: [options => processManager('paying', options as never), others.processManager, "processManager('paying')"],
  saga: [options => saga('paying', options as never), others.saga, "saga('paying')"],
  schedule: [options => schedule('nightly', options as never), others.schedule, "schedule('nightly')"],
  app: [options => app(options as never), { serve: [order] }, 'app'],
}

describe.each(Object.entries(DEFINITIONS))('the options of %s', (_, [define, options, where]) => {
  test('right options are taken', () => {
    expect(() => define(options)).not.toThrow()
  })

  test('each option whose name has a letter too much is refused with the right name', () => {
    for (const name of Object.keys(options)) {
      const { [name]: value, ...others } = options as Record<string, unknown>
      const wrong = { ...others, [name]: value, [`${name}x`]: value }
      expect(() => define(wrong)).toThrow(`${where} has no option ${name}x; did you mean ${name}? there are `)
    }
  })

  test.each([[null], [undefined], ['text'], [[]]])('%p is refused, as there are no options', value => {
    expect(() => define(value as never)).toThrow(`${where} takes an object of options, found `)
  })
})

const WRONG: readonly (readonly [name: string, wrong: object, message: string])[] = [
  ['projection', { indexes: 'zone' }, 'indexes takes a list of texts, found "zone"'],
  ['projection', { evolve: null }, 'evolve takes functions by name, found null'],
  ['projection', { from: order }, 'from takes what events() gives, once or in a list, found '],
  ['projection', { row: {} }, 'row takes a zod schema, found {}'],
  ['projection', { version: '2' }, 'version takes a number, found "2"'],
  ['projection', { live: 'yes' }, 'live takes true or false, found "yes"'],
  ['projection', { previous: order }, 'previous takes a projection, or a list of them, found '],
  ['decider', { evolve: null }, 'evolve takes functions by name, found null'],
  ['decider', { commands: { place: {} } }, 'commands takes zod schemas by name, found '],
  ['decider', { internal: 'place' }, 'internal takes a list of texts, found "place"'],
  ['decider', { snapshot: { evry: 5 } }, 'snapshot has no option evry; did you mean every? there are every, version'],
  ['decider', { snapshot: { every: '5' } }, 'snapshot: every takes a number, found "5"'],
  ['processor', { parallelism: '8' }, 'parallelism takes a number, found "8"'],
  ['processor', { handle: 'mail' }, 'handle takes a function, found "mail"'],
  ['processor', { retry: { frstMs: 1 } }, 'retry has no option frstMs; did you mean firstMs? there are firstMs, maxMs, forMs'],
  [
    'query',
    { cache: { tll: '1 minute' } },
    'cache has no option tll; did you mean ttl? there are ttl, stale, negative, tags, public',
  ],
  ['query', { from: Order }, 'from takes a projection, or a list of them, found '],
  ['processManager', { to: Order }, 'to takes a decider, or a list of them, found '],
  [
    'processManager',
    { on: { rejcted: () => [] } },
    'on has no option rejcted; did you mean rejected? there are rejected, failed, due',
  ],
  ['saga', { steps: { run: () => [] } }, 'steps takes a list, found '],
  ['saga', { steps: [{ runs: () => [] }] }, 'a step has no option runs; did you mean run? there are run, undo, until'],
  ['schedule', { send: [] }, 'send takes a function, found []'],
  ['app', { serve: order }, 'serve takes a list, found '],
  ['app', { authorise: [] }, 'has no option authorise; did you mean authorize? there are serve, '],
  ['app', { origins: 'https://shop.example' }, 'origins takes a list of texts, found "https://shop.example"'],
]
test.each(WRONG.map(([name, wrong, message]) => [name, message, wrong] as const))('%s is refused: %s', (name, message, wrong) => {
  const [define, options] = DEFINITIONS[name]!
  expect(() => define({ ...options, ...wrong })).toThrow(message)
})

test('a decider of what is no family is refused', () => {
  expect(() => decider(order as never, right.decider as never)).toThrow('decider: its first value takes what events() gives')
})

test('a runtime and a main with an option that there is not are refused', async () => {
  expect(runtime({ serve: [order], stor: null } as never)).rejects.toThrow(
    'runtime has no option stor; did you mean store? there are ',
  )
  expect(main(app({ serve: [order] }), [], { map: {} } as never)).rejects.toThrow(
    'main has no option map; did you mean maps? there are maps',
  )
})
