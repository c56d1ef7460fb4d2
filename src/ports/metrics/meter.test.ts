import { expect, test } from 'bun:test'
import { unmetered } from './meter.ts'

test('what nobody measures records nothing, and makes no series', () => {
  const counter = unmetered.counter('emaki.events.appended', 'order.Placed')
  const histogram = unmetered.histogram('emaki.append.duration', 'done')
  counter.add(3)
  histogram.record(1)
  unmetered.observe(['emaki.log.head'], () => {
    throw new Error('nobody asks')
  })
  expect(unmetered.counter('emaki.events.appended', 'order.Paid')).toBe(counter)
  expect(unmetered.histogram('emaki.append.duration', 'failed')).toBe(histogram)
})
