import { type CloudEvent, encodeCloudEvent } from '../definitions/event/cloud-event.ts'
import type { Meta } from '../definitions/event/events.ts'
import { categoryOf } from '../definitions/event/stream-name.ts'
import type { StoredEvent } from '../ports/store/event.ts'
import type { LogIdentity } from '../ports/store/upkeep.ts'
import { token } from '../ports/store/token.ts'

/** Writes an event of the log as a CloudEvent in JSON, without line ends. Its data stays as it was appended. */
export function cloudEvent(event: StoredEvent, log: LogIdentity): string {
  return encodeCloudEvent(cloudEventOf(event, log))
}

/**
 * Converts an event of the log to a CloudEvent 1.0.2.
 *
 * `source` is the log, `subject` the stream. `time` is when the event happened, if that is known, otherwise when it was
 * appended.
 * Extensions: `partitionkey` (the stream), `streamversion`, `globalposition` (a token, because an integer of
 * CloudEvents has only 32 bits), `schemaversion` (the fingerprint of its schema), `correlationid`, `causationid`, and,
 * if they are known, `traceparent`, `actor`, `initiator` and `custommeta` (the metadata of one's own, as JSON text).
 */
export function cloudEventOf(event: StoredEvent, log: LogIdentity): CloudEvent {
  const { id, type, stream, at, version, position, schema, data } = event
  const { correlation, causation, traceparent, actor, initiator, custom, occurredAt } = JSON.parse(event.meta) as Partial<Meta>
  const attributes = {
    specversion: '1.0',
    id,
    source: `urn:uuid:${log.id}`,
    type: `${categoryOf(stream)}.${type}`,
    subject: stream,
    time: occurredAt ?? at,
    partitionkey: stream,
    streamversion: version,
    globalposition: token(log, position),
    schemaversion: schema,
    ...(correlation !== undefined && { correlationid: correlation }),
    ...(causation !== undefined && { causationid: causation }),
    ...(traceparent !== undefined && { traceparent }),
    ...(actor !== undefined && { actor }),
    ...(initiator !== undefined && { initiator }),
    ...(custom !== undefined && { custommeta: JSON.stringify(custom) }),
    datacontenttype: 'application/json',
  } as const
  return { attributes, data }
}
