// The optional peer. Bun's bundler follows a literal `await import` and, where it stands directly in a `try`, does without it.

export type Kafkajs = typeof import('kafkajs')

export async function kafkajs(): Promise<Kafkajs> {
  try {
    return await import('kafkajs')
  } catch (cause) {
    throw new Error(`A relay to Kafka needs a package: bun add kafkajs@${VERSION}`, { cause })
  }
}

const VERSION = '2.2.4'
