/**
 * An event as CloudEvents 1.0.2 knows events: its context attributes, as they are named there, and its data as JSON text. Two events with
 * one `source` and `id` are the same event, handed over again.
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
}

/** A CloudEvent in the JSON event format (`application/cloudevents+json`), without line ends. Its data stands in it as it is. */
export function encodeCloudEvent({ attributes, data }: CloudEvent): string {
  return `${JSON.stringify(attributes).slice(0, -1)},"data":${oneLine(data)}}`
}

/** JSON has line ends only where it may have any space. */
function oneLine(json: string): string {
  return /[\r\n]/.test(json) ? json.replaceAll(/[\r\n]+/g, ' ') : json
}
