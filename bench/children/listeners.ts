// Clients of a stream of events. Told how many events will come, they answer when everybody has them all, in order, or some are missing.
import type { Socket } from 'bun'
import { sourceAddress } from '../measure/descriptors.ts'
import { Frames } from '../measure/frames.ts'

export type Expected = { readonly events: number }
/** Over all clients: events that came, that did not follow the one before, that are missing, and connections that were closed. */
export type Heard = { readonly heard: number; readonly wrong: number; readonly missing: number; readonly closed: number }

const [port, many] = process.argv.slice(2).map(Number) as [number, number]
const path = process.argv[4]!
const stalled = Number(process.argv[5] ?? 0)
const REQUEST = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAccept: text/event-stream\r\n\r\n`
const OPENING = 200
const TIMEOUT_MS = 30_000

const clients = Array.from({ length: many }, () => new Frames(1))
let closed = 0
let expected = 0
let behind = 0
let announceCaughtUp: () => void = () => {}

const greeted = Array.from({ length: many }, () => Promise.withResolvers<void>())
for (let i = 0; i < many; i += OPENING) {
  const indexes = Array.from({ length: Math.min(OPENING, many - i) }, (_, j) => i + j)
  await Promise.all(indexes.map(open))
  await Promise.all(indexes.map(index => greeted[index]!.promise))
}

for (let i = 0; i < stalled; i++) await stall(i)

/** A client that takes nothing after the first bytes. */
async function stall(index: number): Promise<void> {
  const begun = Promise.withResolvers<void>()
  const data = (socket: Socket) => {
    socket.pause()
    begun.resolve()
  }
  const options = { hostname: '127.0.0.1', port, localAddress: sourceAddress(many + index), socket: { data } }
  const socket = await Bun.connect(options)
  socket.write(REQUEST)
  await begun.promise
}

function open(index: number): Promise<unknown> {
  const frames = clients[index]!
  const options = {
    hostname: '127.0.0.1',
    port,
    // Bun takes it; its types do not know it yet.
    localAddress: sourceAddress(index),
    socket: {
      data: (_: unknown, bytes: Buffer) => {
        const wasBehind = frames.count < expected
        frames.take(bytes)
        greeted[index]!.resolve()
        if (wasBehind && frames.count >= expected && --behind === 0) announceCaughtUp()
      },
      close: () => {
        closed++
      },
    },
  }
  return Bun.connect(options).then(socket => socket.write(REQUEST))
}

process.on('message', async ({ events }: Expected) => {
  const before = expected
  expected += events
  behind = clients.filter(({ count }) => count < expected).length
  const timer = Promise.withResolvers<void>()
  const timeout = setTimeout(timer.resolve, TIMEOUT_MS)
  if (behind) await Promise.race([new Promise<void>(resolve => (announceCaughtUp = resolve)), timer.promise])
  clearTimeout(timeout)
  const sum = (pick: (frames: Frames) => number) => clients.reduce((sum, frames) => sum + pick(frames), 0)
  const answer: Heard = {
    heard: sum(({ count }) => count - before),
    wrong: sum(({ wrong }) => wrong),
    missing: sum(({ count }) => Math.max(0, expected - count)),
    closed,
  }
  process.send!(answer)
})
process.on('disconnect', () => process.exit(0))
process.send!({ ready: true })
