// The optional peers. Bun's bundler follows a literal `await import`. If the import is directly in a `try`, the bundler
// accepts that the package is missing.

export type Nats = Pick<typeof import('@nats-io/transport-node'), 'connect' | 'headers'> &
  Pick<typeof import('@nats-io/jetstream'), 'jetstream' | 'jetstreamManager' | 'JetStreamApiError'>

export async function nats(): Promise<Nats> {
  try {
    const { connect, headers } = await import('@nats-io/transport-node')
    const { jetstream, jetstreamManager, JetStreamApiError } = await import('@nats-io/jetstream')
    return { connect, headers, jetstream, jetstreamManager, JetStreamApiError }
  } catch (cause) {
    throw new Error(
      `A relay to NATS needs two packages: bun add @nats-io/transport-node@${VERSION} @nats-io/jetstream@${VERSION}`,
      { cause },
    )
  }
}

const VERSION = '3.4.0'
