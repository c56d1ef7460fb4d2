// Relays in one binary, far from any node_modules: the clients that they load when they are needed are in it.
import { expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { startKafka } from '../../test-support/servers/kafka.ts'
import { startNats } from '../../test-support/servers/nats.ts'
import { HANG_MS } from '../../test-support/servers/until.ts'

const SRC = join(import.meta.dir, '../..')
const PROGRAM = `
import { kafkaRelay } from '${SRC}/adapters/kafka/index.ts'
import { natsRelay } from '${SRC}/adapters/nats/index.ts'
import { runtime } from '${SRC}/runtime.ts'
import { Counter, counter, countUp } from '${SRC}/test-support/relays.ts'

const [kafka, nats] = process.argv.slice(2)
const toKafka = kafkaRelay('to-kafka', { from: Counter, brokers: [kafka], topic: 'counters' })
const toNats = natsRelay('to-nats', { from: Counter, servers: nats, stream: 'SHOP' })
const emaki = await runtime({ serve: [counter, toKafka, toNats] })
console.log(await emaki.waitUntilProcessed(await countUp(emaki, 10, 10), undefined, ${HANG_MS}))
await emaki.close()
`

test('a compiled app sends its events to Kafka and to NATS', async () => {
  await using kafka = await startKafka()
  await using nats = await startNats()
  const folder = await mkdtemp(join(tmpdir(), 'emaki-relays-'))
  try {
    const [program, binary] = [join(folder, 'program.ts'), join(folder, 'program')]
    await Bun.write(program, PROGRAM)
    const flags = ['--compile', '--bytecode', '--format=esm', '--minify', '--outfile', binary]
    const build = Bun.spawnSync([process.execPath, 'build', ...flags, program], { cwd: folder, stderr: 'pipe' })
    expect(build.stderr.toString()).not.toContain('error')
    const child = Bun.spawn([binary, kafka.address, nats.url], { cwd: folder, stdout: 'pipe', stderr: 'ignore' })
    expect(await child.stdout.text()).toBe('true\n')
    expect(await child.exited).toBe(0)
    expect(await kafka.read('counters')).toHaveLength(100)
    const connection = await connect({ servers: nats.url })
    expect((await (await jetstreamManager(connection)).streams.info('SHOP')).state.messages).toBe(100)
    await connection.close()
  } finally {
    await rm(folder, { recursive: true })
  }
})
