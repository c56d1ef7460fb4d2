import { type CloudEvent, encodeCloudEvent } from '../definitions/event/cloud-event.ts'
import type { Meta } from '../definitions/event/events.ts'
import { categoryOf } from '../definitions/event/stream-name.ts'
import type { StoredEvent } from '../ports/store/event.ts'
import type { LogIdentity } from '../ports/store/upkeep.ts'
import { token } from '../ports/store/token.ts'

/** An event of the log as the text of a CloudEvent in JSON, without line ends. Its data stands in it as it was appended. */
export function cloudEvent(event: StoredEvent, log: LogIdentity): string {
  return encodeCloudEvent(cloudEventOf(event, log))
}

/**
 * An event of the log as the rest of the world knows events: as a CloudEvent 1.0.2.
 *
 * `source` is the log, `subject` the stream, `time` when it happened, where that is known, else when it came into the log. Extensions:
 * `partitionkey` (the stream), `streamversion`, `globalposition` (a token, as an integer of CloudEvents has 32 bits, which a log
 * outgrows), `schemaversion` (the fingerprint of its schema), `correlationid`, `causationid`, and where they are known `traceparent` and
 * `actor`.
 */
export function cloudEventOf(event: StoredEvent, log: LogIdentity): CloudEvent {
  const { id, type, stream, at, version, position, schema, data } = event
  const { correlation, causation, traceparent, actor, occurredAt } = JSON.parse(event.meta) as Partial<Meta>
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
    datacontenttype: 'application/json',
  } as const
  return { attributes, data }
}
