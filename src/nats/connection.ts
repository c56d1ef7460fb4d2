// One connection to NATS, made when it is first needed and made anew when it has ended. It does not reconnect by itself: what a client
// keeps for a server that is away would be sent later, behind what was said again meanwhile.
import type { ConnectionOptions, NatsConnection } from '@nats-io/transport-node'
import type { JetStreamClient } from '@nats-io/jetstream'
import { type Nats, nats } from './packages.ts'

export type Linked = { readonly connection: NatsConnection; readonly jetstream: JetStreamClient; readonly nats: Nats }

export type LinkOptions = {
  readonly connect: ConnectionOptions
  /** What is to be there before anything is sent. */
  readonly prepare: (linked: Linked) => Promise<void>
  readonly deadlineMs: number
  readonly signal: AbortSignal
}

/** Gives the connection of this moment; rejects where there is none to be had. */
export function link({ connect, prepare, deadlineMs, signal }: LinkOptions): () => Promise<Linked> {
  let current: Promise<Linked> | null = null

  const forget = (one: Promise<Linked>): void => {
    if (current === one) current = null
  }
  const open = async (): Promise<Linked> => {
    const packages = await nats()
    // An Error for each message, in case it fails, would take a tenth of the time.
    const connection = await packages.connect({ timeout: deadlineMs, noAsyncTraces: true, ...connect, reconnect: false })
    const close = () => void connection.close()
    signal.addEventListener('abort', close, { once: true })
    void connection.closed().then(() => signal.removeEventListener('abort', close))
    const linked = { connection, jetstream: packages.jetstream(connection, { timeout: deadlineMs }), nats: packages }
    try {
      signal.throwIfAborted()
      await prepare(linked)
    } catch (error) {
      await connection.close()
      throw error
    }
    return linked
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
