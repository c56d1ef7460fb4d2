/**
 * An event as CloudEvents 1.0.2 defines it: context attributes under their standard names, and data as JSON text. Two
 * events with the same `source` and `id` are one event that was delivered twice.
 */
export type CloudEvent = {
  readonly attributes: Readonly<Record<string, string | number>> & {
    readonly specversion: '1.0'
    readonly id: string
    readonly source: string
    readonly type: string
    readonly subject: string
    readonly datacontenttype: 'application/json'
  }
  readonly data: string
  /** The W3C header of its young trace. It goes beside the event, and is no part of it. */
  readonly baggage?: string
}

/**
 * Encodes a CloudEvent in the JSON event format (`application/cloudevents+json`), without line ends. Its data is copied
 * as it is.
 */
export function encodeCloudEvent({ attributes, data }: CloudEvent): string {
  return `${JSON.stringify(attributes).slice(0, -1)},"data":${oneLine(data)}}`
}

/** Replaces line ends by spaces. JSON has line ends only in places where it may have any white space. */
function oneLine(json: string): string {
  return /[\r\n]/.test(json) ? json.replaceAll(/[\r\n]+/g, ' ') : json
}
