import { freePort } from '../../src/test-support/servers/free-port.ts'
import { ensureDebian } from '../../src/test-support/servers/debian.ts'
import type { Contestant, Sample } from '../contestant.ts'

const CONNECTIONS = 50
const KEY = 'answer'

/** L10: GET of an answer of 300 bytes from Debian's Redis by redis-benchmark, 1 and 16 in a pipeline. */
export const redisLimits: readonly (readonly [variant: string, contestant: Contestant])[] = [
  ['pipeline-1', redisGet(1)],
  ['pipeline-16', redisGet(16)],
]

function redisGet(pipeline: number): Contestant {
  return {
    system: 'redis-benchmark',
    open: async () => {
      const { port, stop } = await startRedis()
      const client = new Bun.RedisClient(`redis://127.0.0.1:${port}`)
      await client.set(KEY, 'a'.repeat(300))
      const run = async (ms: number): Promise<Sample> => {
        const many = Math.ceil(ms) * 50 * pipeline
        const { rate, p50Ms, p99Ms } = await benchmark(port, many, pipeline)
        return { value: rate, p50Ms, p99Ms, events: many, appUs: null, serverUs: null }
      }
      const check = async () => ((await client.get(KEY))?.length === 300 ? null : 'what was asked for is not there')
      const close = async () => {
        client.close()
        await stop()
      }
      return { run, check, close }
    },
  }
}

async function benchmark(port: number, many: number, pipeline: number): Promise<{ rate: number; p50Ms: number; p99Ms: number }> {
  const of = ['-p', port, '-n', many, '-c', CONNECTIONS, '-P', pipeline, '--csv', 'get', KEY].map(String)
  const child = Bun.spawn(['redis-benchmark', ...of], { stderr: 'pipe' })
  const [text, error] = await Promise.all([child.stdout.text(), child.stderr.text()])
  const last = text.trim().split('\n').at(-1) ?? ''
  // "test","rps","avg","min","p50","p95","p99","max"
  const [, rate, , , p50Ms, , p99Ms] = last.split(',').map(field => Number(field.replaceAll('"', '')))
  if (!rate) throw new Error(`redis-benchmark said: ${error || text}`)
  return { rate, p50Ms: p50Ms!, p99Ms: p99Ms! }
}

/** A Redis of its own, which keeps nothing. */
export async function startRedis(): Promise<{ port: number; stop: () => Promise<void> }> {
  await ensureDebian(['redis-server', 'redis-tools'])
  const port = freePort()
  const of = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
  const server = Bun.spawn(['redis-server', ...of], { stdout: 'pipe', stderr: 'inherit' })
  await ready(server.stdout)
  const stop = async () => {
    server.kill()
    await server.exited
  }
  return { port, stop }
}

async function ready(output: ReadableStream<Uint8Array>): Promise<void> {
  let text = ''
  for await (const chunk of output) {
    text += new TextDecoder().decode(chunk)
    if (text.includes('Ready to accept connections')) return
  }
  throw new Error(`redis-server ended: ${text}`)
}
