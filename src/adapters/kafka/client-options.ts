/**
 * Options of kafkajs, besides those that a relay sets. They have a type of our own, so that the declarations of this
 * package need no client.
 */
export type KafkaClientOptions = {
  /** Whether to use TLS, or the options of `node:tls`. Default: false. */
  readonly ssl?: boolean | object
  /** The credentials, such as `{ mechanism: 'scram-sha-512', username, password }`. Default: none. */
  readonly sasl?: { readonly mechanism: string } & object
  /** The name of this client at the brokers. Default: `kafkajs`. */
  readonly clientId?: string
  /** How long a connection may take, in ms. Default: `deadlineMs`. */
  readonly connectionTimeout?: number
  /** How long it may take to sign in, in ms. Default: 10 000. */
  readonly authenticationTimeout?: number
  /** How long before its end a session is signed in anew, in ms. Default: 10 000. */
  readonly reauthenticationThreshold?: number
  /** How long a request may take, in ms. Default: `deadlineMs`. */
  readonly requestTimeout?: number
  /** Whether `requestTimeout` holds. Default: true. */
  readonly enforceRequestTimeout?: boolean
  /** Makes the sockets, such as those that lead through a proxy. Default: those of `node:net` and `node:tls`. */
  readonly socketFactory?: (given: never) => unknown
  /** What the client logs: 0, nothing, to 5, everything. Default: 0. */
  readonly logLevel?: number
  /** Makes the logger of the client. Default: one that prints. */
  readonly logCreator?: (level: never) => unknown
}
