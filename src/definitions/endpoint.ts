// What is outside of an app, as its definitions name it: where a relay sends to, and where an inbox has its messages from.

/** A service, or a topic of a broker. Its name has no secrets: it is drawn, and it is in spans. */
export type Endpoint = { readonly kind: 'service' | 'topic'; readonly name: string }

/** Where a relay sends to. `system` is a name of OpenTelemetry's `messaging.system`, or `http`. */
export type Target = Endpoint & { readonly system: 'nats' | 'kafka' | 'http' }

/** An inbox as an app serves it: it takes messages and sends commands, and reads no events. */
export type InboxSpec = { readonly kind: 'inbox'; readonly name: string; readonly source: Endpoint | null }
