// Commands that are taken now and sent later: 202, their status, and taking them back.
import { afterEach, describe, expect, test } from 'bun:test'
import { readConfig } from '../../src/config.ts'
import { spec } from '../../src/definitions/event/events.ts'
import { memory } from '../../src/ports/store/memory.ts'
import type { Store } from '../../src/ports/store/store.ts'
import { cleanUp, cleanUpLater } from '../../src/test-support/cleanup.ts'
import { order } from '../../src/test-support/fulfilment.ts'
import { until } from '../../src/test-support/servers/until.ts'
import { type App, app } from '../app.ts'

afterEach(cleanUp)
function openOrders(store: Store = memory()): App {
  const opened = app({ serve: [order], store, config: readConfig({}), report: () => {} })
  cleanUpLater(() => opened[spec].stop())
  return opened
}

const basket = { skus: ['a'], cents: 5 }
const post = (to: App, path: string, headers: Record<string, string>, body: object = basket) =>
  to.request(path, { method: 'POST', headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify(body) })
const getStatus = async (to: App, location: string) => {
  const answer = await to.request(location)
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Record<string, unknown> }
}
const LATER = '2099-01-31T12:00:00Z'

describe('a command with Prefer: respond-async', () => {
  test('a command with respond-async answers 202 once it is durable, and its status tells the outcome', async () => {
    const to = openOrders()
    const accepted = await post(to, '/order/o1/place', { Prefer: 'respond-async' })
    expect([accepted.status, accepted.headers.get('preference-applied')]).toEqual([202, 'respond-async'])
    const location = accepted.headers.get('location')!
    expect(await accepted.json()).toMatchObject({
      command: 'order.place',
      instance: 'o1',
      state: expect.stringMatching(/pending|begun/),
    })
    await until('it has ended', async () => (await getStatus(to, location)).body['state'] === 'accepted')
    const { headers, body } = await getStatus(to, location)
    expect(body).toMatchObject({ outcome: { stream: 'order-o1', version: 1, events: [{ type: 'Placed', data: basket }] } })
    expect(headers.get('event-position')).toBe('1')
    expect(((await (await to.request('/order/o1')).json()) as { status: string }).status).toBe('placed')
  })

  test('the status of a command with respond-async tells a rejection with its code', async () => {
    const to = openOrders()
    await post(to, '/order/o1/place', {})
    const location = (await post(to, '/order/o1/place', { Prefer: 'respond-async' })).headers.get('location')!
    await until('it has ended', async () => (await getStatus(to, location)).body['state'] === 'rejected')
    expect((await getStatus(to, location)).body).toMatchObject({
      outcome: { code: 'already-placed' },
      endedAt: expect.any(String),
    })
  })

  test('the status of a command with respond-async tells a conflict with its expected version', async () => {
    const to = openOrders()
    await post(to, '/order/o1/place', {})
    const location = (await post(to, '/order/o1/place', { Prefer: 'respond-async', 'If-None-Match': '*' })).headers.get(
      'location',
    )!
    await until('it has ended', async () => (await getStatus(to, location)).body['state'] === 'conflict')
    expect((await getStatus(to, location)).body).toMatchObject({ outcome: { expected: 0, actual: 1 } })
  })

  test('a command with respond-async that does not fit its schema answers 400 at once', async () => {
    const to = openOrders()
    expect((await post(to, '/order/o1/place', { Prefer: 'respond-async' }, { skus: 7 })).status).toBe(400)
  })

  test('a command with respond-async is sent once for one key, which no other command may use', async () => {
    const to = openOrders()
    const placeOnce = (body: object) => post(to, '/order/o1/place', { Prefer: 'respond-async', 'Idempotency-Key': 'k1' }, body)
    const [one, other] = [await placeOnce(basket), await placeOnce(basket)]
    expect(other.headers.get('location')).toBe(one.headers.get('location'))
    expect((await placeOnce({ ...basket, cents: 6 })).status).toBe(422)
    await until('it has ended', async () => (await getStatus(to, one.headers.get('location')!)).body['state'] === 'accepted')
    // Said at once by the same key it is the one that was sent.
    const again = await post(to, '/order/o1/place', { 'Idempotency-Key': 'k1' })
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([201, 'true'])
  })
})

describe('a command with Schedule-At', () => {
  test('a command with Schedule-At is sent at its time and not before', async () => {
    let ahead = 0
    const to = openOrders(memory({ now: () => Date.now() + ahead }))
    const accepted = await post(to, '/order/o1/place', { 'Schedule-At': LATER })
    const location = accepted.headers.get('location')!
    expect([accepted.status, (await accepted.json()) as object]).toMatchObject([
      202,
      { state: 'pending', due: '2099-01-31T12:00:00.000Z' },
    ])
    expect((await getStatus(to, location)).headers.get('retry-after')).toBe('3600')
    expect((await to.request('/order/o1')).status).toBe(404)
    ahead = Date.parse(LATER) - Date.now()
    await until('it was sent', async () => (await to.request('/order/o1')).status === 200)
  })

  test('a scheduled command that is withdrawn while it is pending is never sent', async () => {
    const to = openOrders()
    const location = (await post(to, '/order/o1/place', { 'Schedule-At': LATER })).headers.get('location')!
    expect((await to.request(location, { method: 'DELETE' })).status).toBe(204)
    expect((await getStatus(to, location)).body).toMatchObject({ type: '/problems/command-not-found' })
    expect((await to.request(location, { method: 'DELETE' })).status).toBe(404)
  })

  test('a scheduled command that was sent cannot be withdrawn', async () => {
    const to = openOrders()
    const location = (await post(to, '/order/o1/place', { 'Schedule-At': '2001-01-01T00:00:00Z' })).headers.get('location')!
    await until('it has ended', async () => (await getStatus(to, location)).body['state'] === 'accepted')
    const refused = await to.request(location, { method: 'DELETE' })
    expect([refused.status, ((await refused.json()) as { type: string }).type]).toEqual([409, '/problems/command-begun'])
  })

  test('a scheduled command is sent after the process that accepted it has ended', async () => {
    let ahead = 0
    const store = memory({ now: () => Date.now() + ahead })
    const first = openOrders(store)
    const location = (await post(first, '/order/o1/place', { 'Schedule-At': LATER })).headers.get('location')!
    await first[spec].stop()
    const second = openOrders(store)
    expect((await getStatus(second, location)).body).toMatchObject({ state: 'pending' })
    ahead = Date.parse(LATER) - Date.now()
    await until('it was sent', async () => (await getStatus(second, location)).body['state'] === 'accepted')
  })

  test.each([
    'tomorrow',
    '2099-01-31',
    '2099-01-31T12:00:00',
    '2099-13-31T12:00:00Z',
    '2098-02-30T12:00:00Z',
    '9999-01-01T00:00:00Z',
    '0',
  ])('a command with Schedule-At: %p answers 400', async at => {
    const answer = await post(openOrders(), '/order/o1/place', { 'Schedule-At': at })
    expect(await answer.json()).toMatchObject({
      status: 400,
      type: '/problems/bad-header',
      detail: expect.stringMatching(/^Schedule-At: expected a time with its zone, .*, at most 100 years ahead$/),
    })
  })
})

test('a command that code schedules for a time without its zone is refused', async () => {
  const { schedule } = await openOrders()[spec].start()
  const add = schedule.add(order.place('o1', basket), { at: '2099-01-31T12:00:00' })
  await expect(add).rejects.toThrow('expected a time with its zone, such as 2030-01-31T12:00:00Z')
})

test('GET of the status of an unknown command answers 404', async () => {
  expect((await getStatus(openOrders(), '/commands/never')).body).toMatchObject({ type: '/problems/command-not-found' })
})
