// What the marketplace answers over HTTP, wherever it runs: from source or compiled, on SQLite or PostgreSQL.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { ServedProcess } from '../../src/testing/served-process.ts'
import { until } from '../../src/testing/servers/until.ts'

type Answer = { readonly status: number; readonly headers: Headers; readonly body: Record<string, unknown> }
type Event = { readonly type: string; readonly data: unknown; readonly position: number }
type Step = readonly [command: string, body?: object]

const basket = { customerId: 'c1', items: [{ sku: 'apple', qty: 2, price: 120 }] }
const shipment = { trackingNumber: 'T1' }
// biome-ignore format: one list
const ODD = [
  "o'brien", '"', '\\', '$$', '$1', '{x}', '%I', '%s', ';', '--', "'; drop table events; --", 'toString', '__proto__', 'null', ' ', '\t', '\n', '\r\n',
  'ü', 'u\u0308', '日本語', '\u202e', '\u2028', '\ufeff', '\uffff', '\u{10ffff}', '👩‍👩‍👧‍👦', '\u0001', '\u007f', '../..', '?#&',
]
const CRASHES = 5
const VIEW_CRASHES = 2
const ANSWERED_BEFORE_CRASH = 100
const CALLERS = 16

/** Registers the tests of a marketplace that `start` serves. */
export function marketplaceHttp(start: () => Promise<ServedProcess>): void {
  let served: ServedProcess
  let made = 0
  beforeAll(async () => {
    served = await start()
  })
  afterAll(async () => {
    expect(await served?.stop()).toBe(0)
  })

  const id = () => `m${++made}`
  const ask = async (path: string, init: RequestInit = {}): Promise<Answer> => {
    const response = await fetch(`${served.url}${path}`, init)
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: text ? JSON.parse(text) : {} }
  }
  const post = (path: string, body?: object, headers: Record<string, string> = {}) =>
    ask(path, {
      method: 'POST',
      headers: body ? { 'Content-Type': 'application/json', ...headers } : headers,
      ...(body && { body: JSON.stringify(body) }),
    })
  const eventsOf = async (stream: string): Promise<readonly Event[]> => {
    const { status, body } = await ask(`/streams/${stream}?limit=1000`)
    return status === 404 ? [] : (body['events'] as Event[])
  }
  /** Runs commands on one instance and gives the last answer. */
  const after = async (decider: string, instance: string, steps: readonly Step[]) => {
    let answer: Answer | undefined
    for (const [command, body] of steps) answer = await post(`/${decider}/${instance}/${command}`, body)
    return answer!
  }

  describe('an order', () => {
    test('that is placed is one event, and can be looked at', async () => {
      const order = id()
      const { status, headers, body } = await post(`/order/${order}/place`, basket)
      expect([status, headers.get('location'), headers.get('etag')]).toEqual([201, `/order/${order}`, '"1"'])
      expect(body).toEqual({
        id: order,
        stream: `order-${order}`,
        version: 1,
        position: Number(headers.get('event-position')),
        events: [{ type: 'Placed', data: basket }],
      })
      expect(await eventsOf(`order-${order}`)).toMatchObject([
        { type: 'Placed', data: basket, position: body['position'] as number },
      ])
      expect((await ask(`/order/${order}`)).body).toEqual({ status: 'placed', ...basket, trackingNumber: null })
    })

    test('is placed without an id of its own', async () => {
      const { status, headers } = await post('/order/place', basket)
      expect(status).toBe(201)
      expect((await ask(headers.get('location')!)).body).toMatchObject({ status: 'placed' })
    })

    test('is placed once, however often it is said with one key', async () => {
      const order = id()
      const said = () => post(`/order/${order}/place`, basket, { 'Idempotency-Key': `key-${order}` })
      const answers = await Promise.all([said(), said(), said(), said()])
      expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201])
      expect(answers.filter(({ headers }) => headers.get('idempotency-replayed') === null)).toHaveLength(1)
      expect(await eventsOf(`order-${order}`)).toHaveLength(1)
      expect(
        (await post(`/order/${order}/place`, { ...basket, customerId: 'c2' }, { 'Idempotency-Key': `key-${order}` })).status,
      ).toBe(422)
    })

    test('is placed only where there is none, if asked so', async () => {
      const order = id()
      const said = () => post(`/order/${order}/place`, basket, { 'If-None-Match': '*' })
      expect((await said()).status).toBe(201)
      const { status, headers } = await said()
      expect([status, headers.get('etag')]).toEqual([412, '"1"'])
    })

    test('goes from placed to shipped', async () => {
      const order = id()
      await after('order', order, [['place', basket], ['confirmPayment'], ['ship', shipment]])
      const { body, headers } = await ask(`/order/${order}`)
      expect([body, headers.get('etag')]).toEqual([{ status: 'shipped', ...basket, ...shipment }, '"3"'])
      expect((await eventsOf(`order-${order}`)).map(({ type }) => type)).toEqual(['Placed', 'PaymentConfirmed', 'Shipped'])
    })

    test('is cancelled, with a reason or without', async () => {
      const [one, two] = [id(), id()]
      await after('order', one, [
        ['place', basket],
        ['cancel', { reason: 'too late' }],
      ])
      await after('order', two, [['place', basket], ['confirmPayment'], ['cancel']])
      expect((await eventsOf(`order-${one}`))[1]).toMatchObject({ type: 'Cancelled', data: { reason: 'too late' } })
      expect((await eventsOf(`order-${two}`))[2]).toMatchObject({ type: 'Cancelled', data: { reason: 'none given' } })
    })
  })

  test('odd ids and texts come back byte for byte', async () => {
    await Promise.all(
      ODD.map(async text => {
        const order = `${id()}${text}`
        const odd = { customerId: text, items: [{ sku: text, qty: 1, price: 0 }] }
        const { headers, body } = await post(`/order/${encodeURIComponent(order)}/place`, odd, {
          'Idempotency-Key': `odd-${made}`,
        })
        expect(body).toMatchObject({ id: order, stream: `order-${order}`, events: [{ type: 'Placed', data: odd }] })
        expect((await ask(headers.get('location')!)).body).toMatchObject(odd)
        const stored = await (await fetch(`${served.url}/streams/${encodeURIComponent(`order-${order}`)}`)).text()
        expect(stored).toContain(`"data":${JSON.stringify(odd)},`)
      }),
    )
  })

  describe('a step in the wrong order is rejected', () => {
    const placed: Step[] = [['place', basket]]
    const paid: Step[] = [...placed, ['confirmPayment']]
    const shipped: Step[] = [...paid, ['ship', shipment]]
    const cancelled: Step[] = [...placed, ['cancel']]
    const charged: Step[] = [['charge', { cents: 240 }]]
    const declined: Step[] = [['decline']]
    const refunded: Step[] = [...charged, ['refund']]

    test.each<[string, readonly Step[], Step, string, object]>([
      ['order', placed, ['place', basket], 'already-placed', { status: 'placed' }],
      ['order', paid, ['place', basket], 'already-placed', { status: 'paid' }],
      ['order', shipped, ['place', basket], 'already-placed', { status: 'shipped' }],
      ['order', cancelled, ['place', basket], 'already-placed', { status: 'cancelled' }],
      ['order', [], ['confirmPayment'], 'not-placed', { status: 'none' }],
      ['order', shipped, ['confirmPayment'], 'not-placed', { status: 'shipped' }],
      ['order', cancelled, ['confirmPayment'], 'not-placed', { status: 'cancelled' }],
      ['order', [], ['ship', shipment], 'not-paid', { status: 'none' }],
      ['order', placed, ['ship', shipment], 'not-paid', { status: 'placed' }],
      ['order', cancelled, ['ship', shipment], 'not-paid', { status: 'cancelled' }],
      ['order', shipped, ['ship', { trackingNumber: 'T2' }], 'not-paid', { status: 'shipped' }],
      ['order', [], ['cancel'], 'not-cancellable', { status: 'none' }],
      ['order', shipped, ['cancel'], 'not-cancellable', { status: 'shipped' }],
      ['inventory', [], ['reserve', { order: 'o1', qty: 1 }], 'out-of-stock', { free: 0, wanted: 1 }],
      ['inventory', [['restock', { qty: 3 }]], ['reserve', { order: 'o1', qty: 4 }], 'out-of-stock', { free: 3, wanted: 4 }],
      ['payment', charged, ['charge', { cents: 241 }], 'not-chargeable', { status: 'charged' }],
      ['payment', declined, ['charge', { cents: 240 }], 'not-chargeable', { status: 'declined' }],
      ['payment', refunded, ['charge', { cents: 240 }], 'not-chargeable', { status: 'refunded' }],
      ['payment', charged, ['decline'], 'not-declinable', { status: 'charged' }],
      ['payment', refunded, ['decline'], 'not-declinable', { status: 'refunded' }],
      ['payment', [], ['refund'], 'not-refundable', { status: 'none' }],
      ['payment', declined, ['refund'], 'not-refundable', { status: 'declined' }],
    ])('%s after %j: %j', async (decider, before, [command, body], code, data) => {
      const instance = id()
      for (const step of before) expect((await after(decider, instance, [step])).status).toBeOneOf([200, 201])
      const path = `/${decider}/${instance}/${command}`
      const { status, headers, body: problem } = await post(path, body)
      expect([status, headers.get('content-type')]).toEqual([422, 'application/problem+json'])
      expect(problem).toEqual({
        type: '/problems/command-rejected',
        title: expect.any(String),
        status: 422,
        code,
        data,
        instance: path,
      } as never)
      expect(await eventsOf(`${decider}-${instance}`)).toHaveLength(before.length)
    })
  })

  describe('a step taken twice changes nothing', () => {
    test.each<[string, readonly Step[]]>([
      ['order', [['place', basket], ['confirmPayment'], ['confirmPayment']]],
      ['order', [['place', basket], ['confirmPayment'], ['ship', shipment], ['ship', shipment]]],
      ['order', [['place', basket], ['cancel'], ['cancel', { reason: 'again' }]]],
      ['inventory', [['release', { order: 'o1' }]]],
      ['inventory', [['commit', { order: 'o1' }]]],
      [
        'inventory',
        [
          ['restock', { qty: 3 }],
          ['reserve', { order: 'o1', qty: 2 }],
          ['reserve', { order: 'o1', qty: 2 }],
        ],
      ],
      [
        'payment',
        [
          ['charge', { cents: 240 }],
          ['charge', { cents: 240 }],
        ],
      ],
      [
        'payment',
        [
          ['decline', { reason: 'x' }],
          ['decline', { reason: 'y' }],
        ],
      ],
      ['payment', [['charge', { cents: 240 }], ['refund'], ['refund']]],
    ])('%s: %j', async (decider, steps) => {
      const instance = id()
      const { status, body } = await after(decider, instance, steps)
      expect([status, body['events'], body['version']]).toEqual([200, [], steps.length - 1])
      expect(await eventsOf(`${decider}-${instance}`)).toHaveLength(steps.length - 1)
    })
  })

  describe('a body that does not fit', () => {
    const item = basket.items[0]!
    test.each<[string, object, readonly string[]]>([
      ['order/place', {}, ['#/customerId', '#/items']],
      ['order/place', { ...basket, customerId: '' }, ['#/customerId']],
      ['order/place', { ...basket, customerId: 'a\0' }, ['#/customerId']],
      ['order/place', { ...basket, items: [{ ...item, sku: 'a\0' }] }, ['#/items/0/sku']],
      ['order/place', { ...basket, items: [] }, ['#/items']],
      ['order/place', { ...basket, items: Array.from({ length: 101 }, () => item) }, ['#/items']],
      [
        'order/place',
        { ...basket, items: [item, { sku: '', qty: 0, price: -1 }] },
        ['#/items/1/sku', '#/items/1/qty', '#/items/1/price'],
      ],
      ['order/place', { ...basket, items: [{ ...item, qty: 1.5, price: '1' }] }, ['#/items/0/qty', '#/items/0/price']],
      ['order/ship', { trackingNumber: '' }, ['#/trackingNumber']],
      ['order/cancel', { reason: 'x'.repeat(501) }, ['#/reason']],
      ['inventory/restock', { qty: -1 }, ['#/qty']],
      ['inventory/restock', { qty: 1_000_000_001 }, ['#/qty']],
      ['inventory/reserve', { order: '', qty: 0 }, ['#/order', '#/qty']],
      ['inventory/reserve', { order: '__proto__', qty: 1 }, ['#/order']],
      ['inventory/reserve', { order: 'a\0', qty: 1 }, ['#/order']],
      ['inventory/reserve', { order: 'x'.repeat(201), qty: 1 }, ['#/order']],
      ['inventory/release', {}, ['#/order']],
      ['inventory/commit', { order: 5 }, ['#/order']],
      ['payment/charge', { cents: '240' }, ['#/cents']],
      ['payment/decline', { reason: null }, ['#/reason']],
    ])('is 400 and says where: %s %j', async (path, body, pointers) => {
      const [decider, command] = path.split('/')
      const instance = id()
      const { status, body: problem } = await post(`/${decider}/${instance}/${command}`, body)
      const errors = problem['errors'] as { pointer: string; detail: string }[]
      expect([status, problem['type'], errors.map(({ pointer }) => pointer)]).toEqual([
        400,
        '/problems/validation-failed',
        [...pointers],
      ])
      expect(await eventsOf(`${decider}-${instance}`)).toEqual([])
    })
  })

  describe('stock', () => {
    test('is reserved, released and committed by order', async () => {
      const sku = id()
      await after('inventory', sku, [
        ['restock', { qty: 10 }],
        ['reserve', { order: 'o1', qty: 4 }],
        ['reserve', { order: 'o2', qty: 6 }],
        ['release', { order: 'o1' }],
        ['commit', { order: 'o2' }],
        ['reserve', { order: 'o3', qty: 1 }],
      ])
      expect((await ask(`/inventory/${sku}`)).body).toEqual({ free: 3, held: { o3: 1 } })
      expect((await ask(`/inventory/${sku}?version=3`)).body).toEqual({ free: 0, held: { o1: 4, o2: 6 } })
    })

    test('of which twenty are there is sold twenty times to fifty who want it at once', async () => {
      const sku = id()
      await post(`/inventory/${sku}/restock`, { qty: 20 })
      const wanted = Array.from({ length: 50 }, (_, i) => post(`/inventory/${sku}/reserve`, { order: `o${i}`, qty: 1 }))
      const statuses = (await Promise.all(wanted)).map(({ status }) => status)
      expect([200, 422].map(one => statuses.filter(status => status === one).length)).toEqual([20, 30])
      expect((await eventsOf(`inventory-${sku}`)).filter(({ type }) => type === 'Reserved')).toHaveLength(20)
    })

    test.each(["o'brien", '$$', '"quoted"', 'toString', 'constructor', 'ü 日本 🎁', ' '])(
      'is held for the order %j, byte for byte',
      async order => {
        const sku = id()
        await after('inventory', sku, [
          ['restock', { qty: 5 }],
          ['reserve', { order, qty: 2 }],
          ['reserve', { order, qty: 2 }],
        ])
        const events = await eventsOf(`inventory-${sku}`)
        expect(events.map(({ data }) => data)).toEqual([{ qty: 5 }, { order, qty: 2 }])
        const { held } = (await ask(`/inventory/${sku}`)).body as { held: object }
        expect(Object.entries(held)).toEqual([[order, 2]])
        expect((await post(`/inventory/${sku}/release`, { order })).body).toMatchObject({ version: 3 })
        expect((await ask(`/inventory/${sku}`)).body).toEqual({ free: 5, held: {} })
      },
    )
  })

  describe('what is shown', () => {
    /** What is read is no older than what was answered. */
    const seen = async (path: string, position: unknown): Promise<Answer> =>
      ask(path, { headers: { 'Min-Position': String(position) } })

    test('follows an order at each of its stages, in every view of it', async () => {
      const [order, customer, apple, pear] = [id(), id(), id(), id()]
      const items = [
        { sku: apple, qty: 2, price: 120 },
        { sku: pear, qty: 1, price: 60 },
      ]
      const said = async (path: string, body?: object) => {
        const answer = await post(path, body)
        expect(answer.status).toBeOneOf([200, 201])
        return answer.headers.get('event-position')!
      }
      const stage = async (position: string) => {
        const [row, list, summary] = await Promise.all([
          seen(`/orders/${order}`, position),
          seen(`/orders?customerId=${customer}`, position),
          seen(`/order-summary?customerId=${customer}`, position),
        ])
        const listed = list.body['items'] as readonly object[]
        expect(listed).toEqual([row.body])
        return [row.body['status'], row.body['reserved'], summary.body['orders'], summary.body['open'], summary.body['spend']]
      }
      for (const [sku, qty] of [
        [apple, 5],
        [pear, 9],
      ])
        await said(`/inventory/${sku}/restock`, { qty })
      expect(await stage(await said(`/order/${order}/place`, { customerId: customer, items }))).toEqual(['placed', [], 1, 1, 0])
      expect(await stage(await said(`/inventory/${apple}/reserve`, { order, qty: 2 }))).toEqual(['placed', [apple], 1, 1, 0])
      expect(await stage(await said(`/inventory/${pear}/reserve`, { order, qty: 1 }))).toEqual([
        'reserved',
        [apple, pear],
        1,
        0,
        0,
      ])
      expect(await stage(await said(`/order/${order}/confirmPayment`))).toEqual(['paid', [apple, pear], 1, 0, 0])
      await said(`/inventory/${apple}/commit`, { order })
      const shipped = await said(`/order/${order}/ship`, shipment)
      expect(await stage(shipped)).toEqual(['shipped', [apple, pear], 1, 0, 300])
      expect((await seen(`/orders/${order}`, shipped)).body).toEqual({
        key: order,
        customerId: customer,
        status: 'shipped',
        items,
        total: 300,
        tracking: 'T1',
        reserved: [apple, pear],
      })
      expect((await seen(`/stock/${apple}`, shipped)).body).toEqual({ key: apple, onHand: 3, reserved: 0 })
      expect((await seen(`/stock/${pear}`, shipped)).body).toEqual({ key: pear, onHand: 9, reserved: 1 })
      expect((await seen(`/bestsellers/${apple}`, shipped)).body).toEqual({ key: apple, sold: 2 })
      expect((await seen(`/customers/${customer}`, shipped)).body).toEqual({ key: customer, orders: 1, spend: 300 })
    })

    test('lists orders by customer and status, and by both', async () => {
      const customer = id()
      const made = await Promise.all(
        Array.from({ length: 9 }, async (_, i) => {
          const order = id()
          await post(`/order/${order}/place`, { ...basket, customerId: customer })
          if (i % 3 > 0) await post(`/order/${order}/confirmPayment`)
          if (i % 3 > 1) await post(`/order/${order}/cancel`)
          return { order, status: ['placed', 'paid', 'cancelled'][i % 3]! }
        }),
      )
      const { headers } = await post('/order/place', basket)
      const position = headers.get('event-position')
      const keys = async (search: string) => {
        const found: string[] = []
        for (let next: unknown = ''; next !== null; ) {
          const { body } = await seen(`/orders?${search}&limit=2${next && `&cursor=${next}`}`, position)
          found.push(...(body['items'] as readonly { key: string }[]).map(({ key }) => key))
          next = body['next']
        }
        return found.toSorted()
      }
      const of = (status: string) => made.filter(one => one.status === status).map(({ order }) => order)
      expect(await keys(`customerId=${customer}`)).toEqual(made.map(({ order }) => order).toSorted())
      for (const status of ['placed', 'paid', 'cancelled'])
        expect(await keys(`customerId=${customer}&status=${status}`)).toEqual(of(status).toSorted())
      expect((await keys('status=paid')).filter(key => of('paid').includes(key))).toHaveLength(3)
      const { body } = await seen(`/orders?customerId=${customer}&count=true&limit=1`, position)
      expect([body['count'], (body['items'] as unknown[]).length]).toEqual([9, 1])
    })

    test('has the most sold first', async () => {
      const skus = [id(), id(), id()]
      const items = skus.map((sku, i) => ({ sku, qty: 1_000_000 + i, price: 1 }))
      const { headers } = await post('/order/place', { customerId: id(), items })
      const { body } = await seen('/bestsellers?sort=-sold&limit=3', headers.get('event-position'))
      expect(body['items']).toEqual(skus.map((key, i) => ({ key, sold: 1_000_000 + i })).toReversed())
    })

    test('is known by its tag until it changes, and never older than what its caller knows', async () => {
      const [order, customer] = [id(), id()]
      const { headers } = await post(`/order/${order}/place`, { ...basket, customerId: customer })
      const placed = headers.get('event-position')
      for (const path of [`/orders/${order}`, `/orders?customerId=${customer}`, `/order-summary?customerId=${customer}`]) {
        const tag = (await seen(path, placed)).headers.get('etag')!
        const again = await ask(path, { headers: { 'If-None-Match': tag, 'Min-Position': placed! } })
        expect([path, again.status]).toEqual([path, 304])
      }
      const { status, body } = await ask(`/orders/${order}`, {
        headers: { 'Min-Position': '9007199254740991', Prefer: 'wait=30' },
      })
      expect([status, body['type']]).toEqual([409, '/problems/unknown-position'])
    })

    test('is ready, as far as every view is', async () => {
      const { status, body } = await ask('/ready')
      const { projections } = body['checks'] as { projections: readonly { name: string; status: string }[] }
      expect([status, projections.map(({ name, status }) => `${name} ${status}`)]).toEqual([
        200,
        ['orders pass', 'stock pass', 'bestsellers pass', 'customers pass'],
      ])
    })
  })

  test('what is shown is what the streams give, also after the process was killed in the middle of load', async () => {
    for (let crash = 0; crash < VIEW_CRASHES; crash++) {
      const customer = id()
      const placed = new Set<string>()
      let killed = false
      const caller = async () => {
        while (!killed) {
          const order = id()
          placed.add(order)
          const answer = await post(`/order/${order}/place`, { ...basket, customerId: customer }).catch(() => null)
          if (answer?.status !== 201) continue
          if (made % 2) await post(`/order/${order}/confirmPayment`).catch(() => null)
        }
      }
      const callers = Array.from({ length: CALLERS }, caller)
      await until('there is load', () => placed.size >= ANSWERED_BEFORE_CRASH)
      const crashed = served.crash()
      killed = true
      await Promise.all([...callers, crashed])
      const { headers } = await post('/order/place', { ...basket, customerId: id() })
      const position = headers.get('event-position')!
      const get = (path: string) => ask(path, { headers: { 'Min-Position': position, Prefer: 'wait=10' } })
      await until('the views have caught up', async () => (await get('/orders/nobody')).status === 404)
      const folded: Record<string, unknown> = {}
      for (const order of placed) {
        const types = (await eventsOf(`order-${order}`)).map(({ type }) => type)
        if (types.length > 0) folded[order] = types.includes('PaymentConfirmed') ? 'paid' : 'placed'
      }
      const { body } = await get(`/orders?customerId=${customer}&limit=1000&count=true`)
      const rows = (body['items'] as readonly { key: string; status: string }[]).map(({ key, status }) => [key, status])
      expect(Object.fromEntries(rows)).toEqual(folded)
      const count = Object.keys(folded).length
      const open = Object.values(folded).filter(status => status === 'placed').length
      expect(body['count']).toBe(count)
      expect((await get(`/customers/${customer}`)).body).toEqual({ key: customer, orders: count, spend: 0 })
      expect((await get(`/order-summary?customerId=${customer}`)).body).toEqual({
        customerId: customer,
        orders: count,
        open,
        spend: 0,
      })
    }
  })

  test('what was answered is in the log once, however often the process is killed in the middle of load', async () => {
    for (let crash = 0; crash < CRASHES; crash++) {
      const answered = new Map<string, number>()
      const unanswered = new Set<string>()
      let killed = false
      const place = (order: string) => post(`/order/${order}/place`, basket, { 'Idempotency-Key': order })
      const caller = async () => {
        while (!killed) {
          const order = id()
          unanswered.add(order)
          const answer = await place(order).catch(() => null)
          if (answer?.status !== 201) continue
          unanswered.delete(order)
          answered.set(order, answer.body['position'] as number)
        }
      }
      const callers = Array.from({ length: CALLERS }, caller)
      await until('there is load', () => answered.size >= ANSWERED_BEFORE_CRASH)
      const crashed = served.crash()
      killed = true
      await Promise.all([...callers, crashed])
      await Promise.all(
        [...answered].map(async ([order, position]) => {
          const events = await eventsOf(`order-${order}`)
          expect(events.map(({ type, data, position }) => ({ type, data, position }))).toEqual([
            { type: 'Placed', data: basket, position },
          ])
        }),
      )
      await Promise.all(
        [...unanswered].map(async order => {
          const before = await eventsOf(`order-${order}`)
          const { status, headers } = await place(order)
          expect([status, headers.get('idempotency-replayed')]).toEqual([201, before.length ? 'true' : null])
          expect(await eventsOf(`order-${order}`)).toHaveLength(1)
        }),
      )
    }
  })
}
