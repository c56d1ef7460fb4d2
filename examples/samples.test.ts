// Samples of the pages that nothing else runs.
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { decider, memory, type Runtime, runtime } from 'emaki'
import { type App, app } from 'emaki/http'
import { HANG_MS, until } from '../src/test-support/servers/until.ts'
import { OrderV1, order as changedOrder } from './changed-events.ts'
import { openShop } from './checks.ts'
import { rates } from './findings.ts'
import { findFirstOrder } from './follow.ts'
import { checkout, group, stay } from './group-checkout.ts'
import { followCategory } from './live.ts'
import { Order, order } from './marketplace/order.ts'
import { mails } from './processor.ts'
import { closing, till } from './schedules.ts'
import { shapes } from './shapes.ts'

test('an old event is read as the one that it became, and a retired one is passed over', async () => {
  const store = memory()
  const keep = (state: object) => state
  const orderV1 = decider(OrderV1, { initial: {}, evolve: { Ordered: keep, Viewed: keep }, commands: {}, decide: {} })
  const before = await runtime({ serve: [orderV1], store })
  const events = [OrderV1.Viewed({}), OrderV1.Ordered({ customer: 'c1', items: ['a'] })]
  await before.append([{ stream: 'order-o1', expect: 0, events }])
  await before.close()
  const today = await runtime({ serve: [changedOrder], store })
  expect(await today.state('order', 'o1')).toEqual({ state: { customerId: 'c1' }, version: 2, position: 2 })
  await today.close()
})

test('a processor sends one mail for each order that is shipped', async () => {
  const sent: [key: string, order: string][] = []
  const emaki = await runtime({ serve: [order, mails(async (...mail) => void sent.push(mail))], store: memory() })
  const shipped = Order.Shipped({ trackingNumber: 'T-1', customerId: 'c1', cents: 100 })
  await emaki.append([
    { stream: 'order-o1', expect: 0, events: [shipped] },
    { stream: 'order-o2', expect: 0, events: [Order.Cancelled({ reason: 'none given' })] },
    { stream: 'order-o3', expect: 0, events: [shipped] },
  ])
  await until('both mails are sent', () => sent.length === 2)
  expect(sent.map(([, id]) => id)).toEqual(['o1', 'o3'])
  expect(new Set(sent.map(([key]) => key)).size).toBe(2)
  await emaki.close()
})

test('a detector of orders that are placed and shipped runs as a subscription', async () => {
  const emaki = await runtime({ serve: [order, rates], store: memory() })
  const shipped = Order.Shipped({ trackingNumber: 'T-1', customerId: 'c1', cents: 100 })
  await emaki.append([{ stream: 'order-o1', expect: 0, events: [shipped] }])
  expect(await emaki.waitUntilProcessed(1, ['rates'], HANG_MS)).toBe(true)
  await emaki.close()
})

test('a detector of the payloads of orders runs as a subscription', async () => {
  const emaki = await runtime({ serve: [order, shapes], store: memory() })
  const shipped = Order.Shipped({ trackingNumber: 'T-1', customerId: 'c1', cents: 100 })
  await emaki.append([{ stream: 'order-o1', expect: 0, events: [shipped] }])
  expect(await emaki.waitUntilProcessed(1, ['shapes'], HANG_MS)).toBe(true)
  await emaki.close()
})

test('a schedule closes the till in the evening', async () => {
  let now = Date.parse('2030-07-01T12:00:00Z')
  const emaki = await runtime({ serve: [till, closing], store: memory({ now: () => now }) })
  const nextTime = async () => (await emaki.store.agenda.find('schedule_closing'))?.due
  await until('its time is set', async () => (await nextTime()) === '2030-07-01T20:00:00.000Z')
  now = Date.parse('2030-07-01T20:00:00Z')
  emaki.pollAgenda()
  await until('the till is closed', async () => (await emaki.state('till', 'main')) !== null)
  await emaki.close()
})

test('the first order of a customer is found by following the log to its head', async () => {
  const emaki = await runtime({ serve: [order], store: memory() })
  for (const [id, customerId] of [
    ['o1', 'c1'],
    ['o2', 'c2'],
    ['o3', 'c2'],
  ] as const)
    await emaki.send(order.place(id, { customerId, items: [{ sku: 'a', qty: 1, price: 1_999 }] }))
  expect(await findFirstOrder(emaki, 'c2')).toBe('o2')
  expect(await findFirstOrder(emaki, 'c3')).toBeNull()
  await emaki.close()
})

test('a page that follows a category gets each event once and in order, also when the server restarts', async () => {
  const store = memory()
  const open = () => app({ serve: [till], store, publicStreams: [till] })
  const closeTill = async (emaki: Runtime) => emaki.send(till.close('main', { at: '' }))
  let served = open()
  const server = Bun.serve({ fetch: (...asked) => served.fetch(...asked), websocket: served.websocket, port: 0 })
  const positions: string[] = []
  const take = (event: unknown) => void positions.push((event as { globalposition: string }).globalposition)
  const end = followCategory({ url: `ws://localhost:${server.port}`, category: 'till', take, pauseMs: 5 })
  const before = await served.runtime()
  await closeTill(before)
  await until('it has come', () => positions.length === 1)
  await before.close()
  served = open()
  const after = await served.runtime()
  await closeTill(after)
  await closeTill(after)
  await until('the others have come', () => positions.length === 3)
  expect(positions).toEqual(['1', '2', '3'])
  end()
  await after.close()
  void server.stop(true)
})

test('a checkout that a command begins ends completed, or failed with the stays that refused', async () => {
  const store = memory()
  const emaki = await runtime({ serve: [stay, group, checkout], store })
  for (const id of ['s1', 's2', 's3']) await emaki.send(stay.pay(id, {}))
  await emaki.send(group.initiate('g1', { stays: ['s1', 's2'] }))
  await emaki.send(group.initiate('g2', { stays: ['s3', 'unpaid'] }))
  const types = async (id: string) => (await store.read(`group-${id}`, { after: 0, limit: 9 })).map(({ type }) => type)
  await until('both have ended', async () => [...(await types('g1')), ...(await types('g2'))].length === 5)
  expect([await types('g1'), await types('g2')]).toEqual([
    ['Initiated', 'Completed'],
    ['Initiated', 'Refused', 'Failed'],
  ])
  const failed = (await store.read('group-g2', { after: 2, limit: 1 }))[0]!
  expect(JSON.parse(failed.data)).toEqual({ stays: ['unpaid'] })
  await emaki.close()
})

test('a recipe for who may ask imports the package by its name, and nothing of its source', async () => {
  const paths = [...new Bun.Glob('secured/*.ts').scanSync(import.meta.dir)]
  const ofSource = async (path: string) => {
    const text = await Bun.file(join(import.meta.dir, path)).text()
    return [...text.matchAll(/from '([^']+)'/g)].filter(([, from]) => /^\.\.\/(?!marketplace\/)/.test(from!))
  }
  expect(paths.length).toBeGreaterThan(10)
  for (const path of paths) expect([path, await ofSource(path)]).toEqual([path, []])
})

test('a shop is ready only while its payment service is well, and shows operators that its mail server is away', async () => {
  let isWell = false
  const fetch = () => new Response(null, { status: isWell ? 200 : 503 })
  using payments = Bun.serve({ port: 0, fetch })
  const open = () => openShop({ payments: payments.url.origin, mailUrl: 'http://127.0.0.1:1', store: memory() })
  const ask = async (shop: App, path: string) => {
    const emaki = await shop.runtime()
    const answer = await shop.request(path)
    return { status: answer.status, body: (await answer.json()) as object, close: emaki.close }
  }
  const away = await ask(open(), '/ready')
  expect(away).toMatchObject({ status: 503, body: { detail: 'checks of the app fail: payments' } })
  await away.close()
  isWell = true
  const well = await ask(open(), 'http://localhost/ready?verbose')
  expect(well).toMatchObject({
    status: 200,
    body: { status: 'warn', checks: { own: [{ name: 'mail', status: 'warn' }, { status: 'pass' }] } },
  })
  await well.close()
})
