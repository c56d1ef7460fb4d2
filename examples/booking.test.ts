// A decision that reads another instance.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { memory, type Runtime, runtime } from 'emaki'
import { decide } from 'emaki/testing'
import { booking, show } from './booking.ts'

let emaki: Runtime
beforeAll(async () => {
  emaki = await runtime({ serve: [show, booking], store: memory() })
})
afterAll(() => emaki.close())

test('seats are booked until their show is cancelled', async () => {
  const book = () => emaki.send(booking.book('b1', { show: 's1', seats: 2 }))
  expect(await book()).toMatchObject({ outcome: 'accepted' })
  await emaki.send(show.cancel('s1', {}))
  expect(await book()).toMatchObject({ outcome: 'rejected', code: 'cancelled' })
})

test('a test of the decision gives the state that it reads', () => {
  const read = { show: { isCancelled: true } }
  expect(decide(booking, { seats: 0 }, booking.book('b1', { show: 's1', seats: 1 }), { read })).toEqual({
    outcome: 'rejected',
    code: 'cancelled',
  })
})
