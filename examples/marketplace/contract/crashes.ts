// A killed process loses nothing that it answered, and its views catch up.
import { expect, test } from 'bun:test'
import { until } from '../../../src/test-support/servers/until.ts'
import { basket, type Marketplace } from './client.ts'

const CRASHES = 3
const VIEW_CRASHES = 2
const ANSWERED_BEFORE_CRASH = 100
const CALLERS = 16

export function testCrashes({ id, ask, post, eventsOf, crash }: Marketplace): void {
  test('the rows of the marketplace are the fold of its streams, also after kills in the middle of load', async () => {
    for (let round = 0; round < VIEW_CRASHES; round++) {
      const customer = id()
      const placed = new Set<string>()
      let killed = false
      const caller = async () => {
        while (!killed) {
          const order = id()
          placed.add(order)
          const answer = await post(`/order/${order}/place`, { ...basket, customerId: customer }).catch(() => null)
          if (answer?.status !== 201) continue
          if (placed.size % 2) await post(`/order/${order}/confirmPayment`).catch(() => null)
        }
      }
      const callers = Array.from({ length: CALLERS }, caller)
      await until('there is load', () => placed.size >= ANSWERED_BEFORE_CRASH)
      const crashed = crash()
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

  test('a command of the marketplace that was answered is in the log once, after kills in the middle of load', async () => {
    for (let round = 0; round < CRASHES; round++) {
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
      const crashed = crash()
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
