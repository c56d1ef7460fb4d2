import { expect, test } from 'bun:test'
import { type CloudEvent, encodeCloudEvent } from '../../definitions/event/cloud-event.ts'
import { messageOf } from '../kafka/message.ts'
import { traceHeaders } from './trace-headers.ts'

const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
const at = Date.parse('2026-01-01T00:00:00Z')
const eventOf = (trace: object): CloudEvent => ({
  attributes: {
    specversion: '1.0',
    id: 'e1',
    source: 'urn:uuid:1',
    type: 'order.Placed',
    subject: 'order-o1',
    time: '2026-01-01T00:00:00.000Z',
    datacontenttype: 'application/json',
    ...trace,
  },
  data: '{}',
})

test.each([
  ['a young event has its trace', { traceparent }, 49_999, { traceparent }],
  ['an event that is sent late has none, as its trace is over', { traceparent }, 50_000, {}],
  ['an event without a trace has none', {}, 0, {}],
])('in the headers of a message %s', (_, trace, age, expected) => {
  expect(traceHeaders(eventOf(trace), at + age)).toEqual(expected)
})

test('in the headers of a message the baggage of a young event stands, and the event itself has none', () => {
  const event = { ...eventOf({ traceparent }), baggage: 'tenant=blue' }
  expect(traceHeaders(event, at)).toEqual({ traceparent, baggage: 'tenant=blue' })
  expect(traceHeaders({ ...eventOf({}), baggage: 'tenant=blue' }, at)).toEqual({ baggage: 'tenant=blue' })
  expect(traceHeaders(event, at + 50_000)).toEqual({})
  expect(messageOf(event, at).headers).toMatchObject({ baggage: 'tenant=blue' })
  expect(encodeCloudEvent(event)).not.toContain('blue')
})

test('a message to Kafka has the trace as a header of its own while that goes on, and as an attribute of the event always', () => {
  const headersAt = (now: number) => messageOf(eventOf({ traceparent }), now).headers
  expect(headersAt(at)).toMatchObject({ traceparent, ce_traceparent: traceparent })
  expect(headersAt(at + 60_000)).not.toHaveProperty('traceparent')
  expect(headersAt(at + 60_000)).toMatchObject({ ce_traceparent: traceparent })
})
