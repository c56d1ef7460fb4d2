import type { Message } from 'kafkajs'
import type { CloudEvent } from '../../definitions/event/cloud-event.ts'
import { lessHeaders, type TraceHeaders, traceHeaders } from '../delivery/trace-headers.ts'

/**
 * Writes a CloudEvent in binary mode, by the Kafka binding of CloudEvents 1.0.2: the attributes are headers `ce_*` in
 * UTF-8, the type of the data is `content-type`, the data is the value. The key is `partitionkey`, the stream. A trace that
 * goes on is also a header of its own. `now` is in ms since 1970.
 */
export function messageOf(event: CloudEvent, now: number): Message {
  return messageWith(event, traceHeaders(event, now))
}

/** The message with all its headers, if it has at most so many bytes; else without the baggage, else without the trace. */
export function fittedMessage(event: CloudEvent, now: number, bytesMax: number): Message {
  let message = messageOf(event, now)
  for (
    let carried = lessHeaders(traceHeaders(event, now));
    carried && bytesOf(message) > bytesMax;
    carried = lessHeaders(carried)
  )
    message = messageWith(event, carried)
  return message
}

function messageWith({ attributes, data }: CloudEvent, carried: TraceHeaders): Message {
  const { datacontenttype, ...others } = attributes
  const headers: Record<string, string> = { 'content-type': datacontenttype, ...carried }
  for (const [name, value] of Object.entries(others)) headers[`ce_${name}`] = String(value)
  return { key: attributes.subject, value: data, headers }
}

/** The size of a message in bytes, slightly overestimated. */
export function bytesOf({ key, value, headers = {} }: Message): number {
  const names = Object.keys(headers)
  // Measured in one call, because a call costs more than the count itself.
  const text = names.reduce((text, name) => text + name + (headers[name] as string), (key as string) + (value as string))
  return MESSAGE_BYTES + names.length * HEADER_BYTES + Buffer.byteLength(text)
}

/** Lengths and differences, as numbers of variable length. */
const MESSAGE_BYTES = 40
const HEADER_BYTES = 8
