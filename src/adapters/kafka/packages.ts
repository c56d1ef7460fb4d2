// The optional peer. Bun's bundler follows a literal `await import`. If the import is directly in a `try`, the bundler
// accepts that the package is missing.

export type Kafkajs = typeof import('kafkajs')

export async function kafkajs(): Promise<Kafkajs> {
  try {
    return await import('kafkajs')
  } catch (cause) {
    throw new Error(`A relay to Kafka needs a package: bun add kafkajs@${VERSION}`, { cause })
  }
}

const VERSION = '2.2.4'
