/**
 * Options of the NATS client, besides those that a relay sets. They have a type of our own, so that the declarations of
 * this package need no client.
 */
export type NatsClientOptions = {
  /** The user to sign in as. Default: none. */
  readonly user?: string
  /** The password of the user. Default: none. */
  readonly pass?: string
  /** A token to sign in with. Default: none. */
  readonly token?: string
  /** Makes the credentials: the client has `credsAuthenticator`, `nkeyAuthenticator` and others. Default: none. */
  readonly authenticator?: object
  /** The options of TLS, with `ca`, `cert` and `key`, or null for none. Default: TLS where the server asks for it. */
  readonly tls?: object | null
  /** The name of this connection at the server. Default: none. */
  readonly name?: string
  /** The port, for a server that is named without one. Default: 4222. */
  readonly port?: number
  /** How long a connection may take, in ms. Default: `deadlineMs`. */
  readonly timeout?: number
  /** How often a quiet connection is tried, in ms. Default: 120 000. */
  readonly pingInterval?: number
  /** How many tries may stay without an answer before the connection ends. Default: 2. */
  readonly maxPingOut?: number
  /** The beginning of the subjects of answers. Default: `_INBOX`. */
  readonly inboxPrefix?: string
  /** Whether to take the servers in their order. Default: false. */
  readonly noRandomize?: boolean
  /** Whether to stay with the servers that were given. Default: false. */
  readonly ignoreClusterUpdates?: boolean
  /** Whether to look up the addresses of names before connecting. Default: true. */
  readonly resolve?: boolean
  /** Whether to print what is sent and received. Default: false. */
  readonly debug?: boolean
}
