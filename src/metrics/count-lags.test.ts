import { expect, test } from 'bun:test'
import { lagCounter } from './count-lags.ts'

test('the lag of a subscription is looked at once a call, by each family, where this process runs what serves', () => {
  const orders = { name: 'orders_v1', isOwner: true, lagEvents: 0 }
  const all = [orders, { name: 'orders_v2', isOwner: true, lagEvents: 9_999 }, { name: 'mails', isOwner: false, lagEvents: 7 }]
  const watch = (name: string, serving: string) => ({ name, serving: () => serving })
  const count = lagCounter({ all }, [
    watch('order.orders', 'orders_v1'),
    watch('shelf.orders', 'orders_v1'),
    watch('order.mails', 'mails'),
  ])
  count()
  orders.lagEvents = 900
  const logs = Math.round(Math.log(100) * 1_000) + Math.round(Math.log(1_000) * 1_000)
  expect(Object.fromEntries(count())).toEqual({
    ...{ 'lag order.orders': 2, 'lag-logs order.orders': logs },
    ...{ 'lag shelf.orders': 2, 'lag-logs shelf.orders': logs },
  })
})
