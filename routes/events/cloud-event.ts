// An event of the log as the rest of the world knows events: CloudEvents 1.0.2 in JSON.
import type { Meta } from '../../src/event/events.ts'
import type { LogEvent } from '../../src/subscription/log-event.ts'
import type { LogIdentity } from '../../src/store/store.ts'
import { token } from '../../src/store/token.ts'

/**
 * The JSON text of an event. `source` is the log, `subject` the stream. Its data stands in it as it was appended. Extensions:
 * `logposition` (a token), `streamversion`, `schemaversion` (the fingerprint of its schema), `correlationid`, `causationid`, and where
 * they are known `traceparent` and `actor`.
 */
export function cloudEvent(event: LogEvent, log: LogIdentity): string {
  const { id, category, type, stream, at, version, position, schema, data } = event
  const { correlation, causation, traceparent, actor } = JSON.parse(event.meta) as Partial<Meta>
  const attributes = {
    specversion: '1.0',
    id,
    source: `urn:uuid:${log.id}`,
    type: `${category}.${type}`,
    subject: stream,
    time: at,
    // An integer of CloudEvents has 32 bits, which a log outgrows.
    logposition: token(log, position),
    streamversion: version,
    schemaversion: schema,
    correlationid: correlation,
    causationid: causation,
    traceparent,
    actor,
    datacontenttype: 'application/json',
  }
  return `${JSON.stringify(attributes).slice(0, -1)},"data":${oneLine(data)}}`
}

/** JSON has line ends only where it may have any space. */
function oneLine(json: string): string {
  return /[\r\n]/.test(json) ? json.replaceAll(/[\r\n]+/g, ' ') : json
}
