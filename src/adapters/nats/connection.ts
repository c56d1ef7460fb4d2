// One connection to NATS. It is made when it is first needed, and made again when it has ended. It does not reconnect
// by itself: a client that reconnects sends the messages of its buffer late, after messages that were sent again
// meanwhile.
import type { ConnectionOptions, NatsConnection } from '@nats-io/transport-node'
import type { JetStreamClient } from '@nats-io/jetstream'
import type { NatsClientOptions } from './client-options.ts'
import { type Nats, nats } from './packages.ts'

export type OpenConnection = { readonly connection: NatsConnection; readonly jetstream: JetStreamClient; readonly nats: Nats }

export type NatsConnectionOptions = {
  readonly connect: NatsClientOptions & { readonly servers: string | string[] }
  /** Runs once on each new connection, before the first message. */
  readonly prepare: (opened: OpenConnection) => Promise<void>
  readonly deadlineMs: number
  readonly signal: AbortSignal
}

/** Gives the current connection. Rejects if none can be made. */
export function natsConnection({ connect, prepare, deadlineMs, signal }: NatsConnectionOptions): () => Promise<OpenConnection> {
  let current: Promise<OpenConnection> | null = null

  const forget = (one: Promise<OpenConnection>): void => {
    if (current === one) current = null
  }
  const open = async (): Promise<OpenConnection> => {
    const packages = await nats()
    // Without this option, each message makes an Error in case it fails, which takes a tenth of the time.
    // The client's own type of these options is narrower in parts that only it knows.
    const options = connect as ConnectionOptions
    const connection = await packages.connect({ timeout: deadlineMs, noAsyncTraces: true, ...options, reconnect: false })
    const close = () => void connection.close()
    signal.addEventListener('abort', close, { once: true })
    void connection.closed().then(() => signal.removeEventListener('abort', close))
    const opened = { connection, jetstream: packages.jetstream(connection, { timeout: deadlineMs }), nats: packages }
    try {
      signal.throwIfAborted()
      await prepare(opened)
    } catch (error) {
      await connection.close()
      throw error
    }
    return opened
  }
  return () => {
    if (current) return current
    const fresh = open()
    current = fresh
    const over = () => forget(fresh)
    fresh.then(({ connection }) => connection.closed().then(over, over), over)
    return fresh
  }
}
