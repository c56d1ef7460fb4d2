// Examples hold or fail as they should, and say why.
import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { fulfilment } from '../../../examples/marketplace/fulfilment.ts'
import { inventory } from '../../../examples/marketplace/inventory.ts'
import { Order, order } from '../../../examples/marketplace/order.ts'
import { payment } from '../../../examples/marketplace/payment.ts'
import { decider } from '../../definitions/decider/decider.ts'
import { reject } from '../../definitions/decider/reject.ts'
import { events } from '../../definitions/event/events.ts'
import { projection } from '../../definitions/projection/projection.ts'
import { query } from '../../definitions/query.ts'
import {
  accepted,
  answers,
  cancels,
  due,
  ends,
  fired,
  happened,
  invalid,
  refused,
  rejected,
  row,
  state,
  wants,
} from './expected.ts'
import { given } from './given.ts'
import { of } from './past.ts'
import { type AnySpec, Spec, SpecFailed, verify } from './spec.ts'

const basket = { customerId: 'c1', items: [{ sku: 'a', qty: 2, price: 10 }] }
const shipment = { trackingNumber: 'T1' }
const shipped = { ...shipment, customerId: 'c1', cents: 20 }

const Jar = events('jar_of_tests', { Filled: z.object({ by: z.int() }), Closed: z.object({ at: z.string() }) })
const jar = decider(Jar, {
  initial: { n: 0 },
  evolve: { Filled: (s, { by }) => ({ n: s.n + by }), Closed: s => s },
  commands: { fill: z.object({ by: z.int().positive() }), close: z.object({}) },
  decide: {
    fill: ({ n }, { by }) => (n + by > 9 ? reject.later('full', { after: '1 minute', data: { n } }) : Jar.Filled({ by })),
    close: (_, __, { now, actor }) => (actor === null ? [] : Jar.Closed({ at: now.toISOString() })),
  },
})
const jars = projection('jars-of-tests', {
  from: Jar,
  row: z.object({ n: z.int().max(9) }),
  initial: { n: 0 },
  indexes: ['n'],
  evolve: { Filled: (row, { by }) => ({ n: row.n + by }), Closed: () => null },
})
const fullest = query('fullest-of-tests', {
  params: z.object({ limit: z.int() }),
  run: async ({ limit }, read) => (await read(jars).list({}, { sort: '-n', limit })).map(({ key, n }) => ({ key, n })),
})

/** Runs an example that has to fail, and gives its message. */
async function failureOf(spec: AnySpec): Promise<string> {
  try {
    await spec.run()
  } catch (error) {
    expect(error).toBeInstanceOf(SpecFailed)
    return (error as Error).message
  }
  throw new Error(`${spec.title}: it holds`)
}

verify({
  'an example of a decision names its decider by its command alone': given(Jar.Filled({ by: 3 }))
    .when(jar.fill('j1', { by: 4 }))
    .then(happened(Jar.Filled({ by: 4 })), state({ n: 7 })),
  'an example of a decision may expect a rejection with some of its data': given(order, Order.Placed(basket))
    .when(order.ship('o1', shipment))
    .then(rejected('not-paid', { status: 'placed' }), state({ status: 'placed', items: basket.items })),
  'an example of a decision may begin with nothing': given(jar).when(jar.close('j1', {})).then(happened()),
  'an example of a decision has the time and the actor that it is given': given(jar)
    .when(jar.close('j1', {}), { actor: 'ann', now: new Date('2031-01-01T00:00:00Z') })
    .then(happened(Jar.Closed({ at: '2031-01-01T00:00:00.000Z' }))),
  'an example of a decision may expect that a command comes too early': given(Jar.Filled({ by: 9 }))
    .when(jar.fill('j1', { by: 1 }))
    .then(rejected.later('full', '1 minute', { n: 9 })),
  'an example of a decision may expect data that do not fit': given(jar)
    .when(jar.fill('j1', { by: 0 }))
    .then(invalid('/by')),
  'an example of rows folds the facts of several instances': given(
    jars,
    of('j1', Jar.Filled({ by: 1 }), Jar.Filled({ by: 2 })),
    of('j2', Jar.Filled({ by: 4 }), Jar.Closed({ at: 'now' })),
  ).then(row('j1', { n: 3 }), row('j2', null)),
  'an example of a query answers from the rows of its projections': given(
    [fullest, jars],
    of('j1', Jar.Filled({ by: 1 })),
    of('j2', Jar.Filled({ by: 4 })),
  )
    .when({ limit: 1 })
    .then(answers([{ key: 'j2', n: 4 }])),
})

describe('an example of a process', () => {
  const placed = of('o1', Order.Placed(basket))
  const reserve = inventory.reserve('a', { order: 'o1', qty: 2 })
  verify({
    'an example of a process has the commands and timers of its last input': given(fulfilment, placed).then(
      wants(reserve),
      due('15 minutes', 'unpaid', order.cancel('o1', { reason: 'unpaid' })),
      state({ cents: 20, reserved: [] }),
    ),
    'an example of a process may have a command of it refused': given(fulfilment, placed, refused(reserve, 'out-of-stock')).then(
      wants(order.cancel('o1', { reason: 'reserve: out-of-stock' })),
    ),
    'an example of a process may have a timer of it fall due': given(fulfilment, placed, fired('unpaid')).then(
      wants(order.cancel('o1', { reason: 'unpaid' })),
    ),
    'an example of a process may expect that a timer is cancelled': given(
      fulfilment,
      placed,
      of('o1', Order.PaymentConfirmed({})),
    ).then(cancels('unpaid'), wants(order.ship('o1', { trackingNumber: 'T-o1' }))),
  })

  test('an example of a process fails for an answer to a command that it has not sent, and for a timer that it has not set', () => {
    const asked = payment.request('o1', { cents: 20 })
    expect(() => given(fulfilment, placed, refused(asked, 'no')).then(wants()).run()).toThrow(
      'fulfilment has not sent payment.request o1',
    )
    expect(() => given(fulfilment, placed, accepted(asked)).then(wants()).run()).toThrow('fulfilment has not sent')
    expect(() => given(fulfilment, placed, fired('late')).then(wants()).run()).toThrow('no instance has a timer late')
  })

  test('an example of a process that expects too much says what it found', async () => {
    expect(await failureOf(given(fulfilment, placed).then(wants()))).toInclude(
      'differs commands, 0: expected undefined, found {"decider":"inventory"',
    )
    expect(await failureOf(given(fulfilment, placed).then(due('14 minutes', 'unpaid')))).toInclude('expected 840, found 900')
    expect(
      await failureOf(given(fulfilment, placed).then(due('15 minutes', 'unpaid', order.cancel('o1', { reason: 'x' })))),
    ).toInclude('data.reason: expected "x", found "unpaid"')
    expect(await failureOf(given(fulfilment, placed).then(cancels('unpaid')))).toInclude('unpaid is not cancelled')
    expect(await failureOf(given(fulfilment, placed).then(due('1 minute', 'other')))).toInclude('other is not set')
    expect(await failureOf(given(fulfilment, placed).then(ends()))).toInclude('the instance goes on')
    expect(await failureOf(given(fulfilment, placed).then(state({ cents: 21 })))).toInclude('cents: expected 21, found 20')
  })
})

describe('an example that does not hold', () => {
  test('an example of a decision that does not hold shows the facts, the state, the command and the difference', async () => {
    const paid = [Order.Placed(basket), Order.PaymentConfirmed({})]
    const wanted = happened(Order.Shipped({ ...shipped, cents: 21 }))
    expect(
      await failureOf(
        given(order, ...paid)
          .when(order.ship('o1', shipment))
          .then(wanted),
      ),
    ).toBe(
      `order.ship after Placed, PaymentConfirmed: order.Shipped {"trackingNumber":"T1","customerId":"c1","cents":21}
  given   order.Placed {"customerId":"c1","items":[{"sku":"a","qty":2,"price":10}]}
  given   order.PaymentConfirmed {}
  state   {"status":"paid","customerId":"c1","items":[{"sku":"a","qty":2,"price":10}],"trackingNumber":null}
  when    order.ship o1 {"trackingNumber":"T1"}
  wanted  order.Shipped {"trackingNumber":"T1","customerId":"c1","cents":21}
  found   order.Shipped {"trackingNumber":"T1","customerId":"c1","cents":20}; the state is {"status":"shipped","customerId":"c1","items":[{"sku":"a","qty":2,"price":10}],"trackingNumber":"T1"}
  differs 0.data.cents: expected 21, found 20`,
    )
  })

  test('an example of a decision fails for another outcome, other data, another state and more events', async () => {
    const fill = given(jar, Jar.Filled({ by: 8 })).when(jar.fill('j1', { by: 1 }))
    expect(await failureOf(fill.then(rejected('full')))).toInclude('it is not rejected, but accepted')
    expect(await failureOf(fill.then(happened()))).toInclude('0: expected undefined, found {"category"')
    expect(await failureOf(fill.then(state({ n: 8 })))).toInclude('n: expected 8, found 9')
    expect(await failureOf(fill.then(invalid()))).toInclude('its data are valid, and it is accepted')
    const full = given(jar, Jar.Filled({ by: 9 })).when(jar.fill('j1', { by: 1 }))
    expect(await failureOf(full.then(rejected('full')))).toInclude('it is not rejected, but later')
    expect(await failureOf(full.then(rejected.later('full', '2 minutes')))).toInclude('afterMs: expected 120000, found 60000')
    expect(await failureOf(full.then(rejected.later('full', '1 minute', { n: 8 })))).toInclude('data.n: expected 8, found 9')
    expect(
      await failureOf(
        given(jar)
          .when(jar.fill('j1', { by: 0 }))
          .then(invalid('/n')),
      ),
    ).toInclude('it is invalid at /by')
  })

  test('an example of rows fails for another row, for none, for one too many, and for a row that does not fit its schema', async () => {
    const filled = of('j1', Jar.Filled({ by: 1 }))
    expect(await failureOf(given(jars, filled).then(row('j1', { n: 2 })))).toInclude('row j1, n: expected 2, found 1')
    expect(await failureOf(given(jars, filled).then(row('j2', { n: 2 })))).toInclude('there is no row j2')
    expect(await failureOf(given(jars, filled).then(row('j1', null)))).toInclude('there is a row j1')
    expect(await failureOf(given(jars, Jar.Filled({ by: 10 })).then(row('1', { n: 10 })))).toInclude(
      'the row does not fit its schema: n:',
    )
  })

  test('an example of a query fails for another answer', async () => {
    const asked = given([fullest, jars], of('j1', Jar.Filled({ by: 1 }))).when({ limit: 1 })
    expect(await failureOf(asked.then(answers([{ key: 'j1', n: 2 }])))).toInclude('0.n: expected 2, found 1')
  })

  test('an example with a fact of another family is refused', () => {
    const strange = given(order, Jar.Filled({ by: 1 }) as never)
    expect(() => strange.when(order.ship('o1', shipment)).then(happened()).run()).toThrow(
      'jar_of_tests.Filled is no event of order',
    )
  })

  test('a command of which no decider or several are defined has to come behind its decider', () => {
    const twin = () =>
      decider(Jar, {
        initial: {},
        evolve: { Filled: s => s, Closed: s => s },
        commands: { shake: z.object({}) },
        decide: { shake: () => [] },
      })
    const [one, other] = [twin(), twin()]
    const shaken = given(Jar.Filled({ by: 1 }))
    expect(() => shaken.when(other.shake('j1', {}))).toThrow(
      '2 deciders have the command jar_of_tests.shake: begin with the decider',
    )
    given(one).when(one.shake('j1', {})).then(happened()).run()
    const none = { decider: 'nowhere', command: 'go', id: '1', data: {} }
    expect(() => given(Jar.Filled({ by: 1 })).when(none)).toThrow('no decider has the command nowhere.go')
  })
})

test('an example whose types do not fit does not compile', () => {
  expect(() => {
    // @ts-expect-error a command of another decider
    given(order).when(jar.fill('j1', { by: 1 }))
    // @ts-expect-error a fact of another family
    given(order, Jar.Filled({ by: 1 }))
    // @ts-expect-error a row of another shape
    given(jars).then(row('j1', { n: 'one' }))
    const closed = given(jar).when(jar.close('j1', {}))
    // @ts-expect-error a state of another shape
    closed.then(state({ n: 'one' }))
  }).toBeFunction()
})

test('an example tells what it says by its title', () => {
  const spec = given(jar, Jar.Filled({ by: 1 }))
    .when(jar.close('j1', {}))
    .then(happened())
  expect(spec).toBeInstanceOf(Spec)
  expect(spec.title).toBe('jar_of_tests.close after Filled: no event')
  spec.run()
})
