// A broker that speaks Kafka's protocol, for tests: librdkafka's mock cluster, inside Debian's kcat. It keeps at most 5 MB a partition, in
// memory, so nothing of it is left when it has ended, and it cannot be started again on its port.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureDebian } from './debian.ts'
import { serverFolder, serverUser } from './server-user.ts'
import { supervise, untilReady } from './supervise.ts'

export type KafkaBroker = {
  readonly port: number
  /** As clients want it: `127.0.0.1:9092`. */
  readonly address: string
  /** All that a topic keeps, read by librdkafka itself, in the order of each partition. */
  read(topic: string): Promise<readonly KafkaMessage[]>
  /** Signals the broker, and resolves when it has ended (or at once for SIGSTOP and SIGCONT). */
  kill(signal?: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void>
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
export type KafkaMessage = {
  readonly key: string
  readonly payload: string
  readonly partition: number
  readonly headers: Readonly<Record<string, string>>
}

/**
 * Starts a broker. It makes a topic, of four partitions, for whoever asks for one.
 *
 * @example
 * await using broker = await startKafka()
 */
export async function startKafka(): Promise<KafkaBroker> {
  await ensureDebian(['kcat'])
  const user = serverUser()
  const folder = serverFolder('kafka', user)
  // A consumer of a topic where nothing ever comes holds the cluster that it has made.
  const command = ['kcat', '-X', 'test.mock.num.brokers=1', '-d', 'mock', '-C', '-b', 'ignored', '-t', 'idle', '-q']
  const server = await supervise(command, { folder, user })
  const log = join(folder, 'log')
  let port = 0
  try {
    await untilReady(server, folder, async () => {
      port = portOf(log)
      return port > 0
    })
  } catch (error) {
    await server.end()
    throw error
  }
  const address = `127.0.0.1:${port}`
  const stop = (): Promise<void> => server.end()
  return {
    port,
    address,
    read: topic => read(address, topic),
    kill: async (signal = 'SIGKILL') => {
      process.kill(server.pid, signal)
      if (signal === 'SIGKILL') await server.gone
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

function portOf(log: string): number {
  const found = /bootstrap\.servers=127\.0\.0\.1:(\d+)/.exec(existsSync(log) ? readFileSync(log, 'utf8') : '')
  return Number(found?.[1] ?? 0)
}

async function read(address: string, topic: string): Promise<readonly KafkaMessage[]> {
  const reader = Bun.spawn(['kcat', '-C', '-b', address, '-t', topic, '-o', 'beginning', '-e', '-q', '-J'], {
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [text, said, code] = await Promise.all([reader.stdout.text(), reader.stderr.text(), reader.exited])
  if (code !== 0) throw new Error(`kcat could not read ${topic} (exit code ${code}): ${said}`)
  return text
    .split('\n')
    .filter(Boolean)
    .map(line => {
      const { key, payload, partition, headers = [] } = JSON.parse(line) as Envelope
      return { key, payload, partition, headers: pairs(headers) }
    })
}

type Envelope = Omit<KafkaMessage, 'headers'> & { readonly headers?: readonly string[] | Readonly<Record<string, string>> }

/** kcat writes headers as a list: name, value, name, value. */
function pairs(headers: NonNullable<Envelope['headers']>): Readonly<Record<string, string>> {
  if (!Array.isArray(headers)) return headers as Readonly<Record<string, string>>
  const list = headers as readonly string[]
  return Object.fromEntries(list.flatMap((name, i) => (i % 2 === 0 ? [[name, list[i + 1]!]] : [])))
}
