import type { LogIdentity, StoredEvent } from '../store/store.ts'
import { categoryOf } from '../event/recorded.ts'

/**
 * A stored event as a CloudEvent 1.0 in JSON (`application/cloudevents+json`), its payload as it is stored. `time` is when it happened,
 * where that is known, else when it came into the log. Positions are texts, as an integer of CloudEvents has 32 bits.
 */
export function cloudEventLine({ id: log }: LogIdentity, event: StoredEvent): string {
  const { id, stream, version, position, type, schema, at, meta, data } = event
  const { correlation, causation, traceparent, occurredAt } = JSON.parse(meta) as Readonly<Record<string, string | undefined>>
  const head = JSON.stringify({
    specversion: '1.0',
    id,
    source: `urn:uuid:${log}`,
    type: `${categoryOf(stream)}.${type}`,
    subject: stream,
    time: occurredAt ?? at,
    datacontenttype: 'application/json',
    partitionkey: stream,
    streamversion: version,
    globalposition: String(position),
    schemaversion: schema,
    correlationid: correlation,
    causationid: causation,
    traceparent,
  })
  return `${head.slice(0, -1)},"data":${data}}`
}
