// Clients with connections that stay open. Told a rate, they send so many commands a second over all of them in turn, and answer how long
// each took from when it was due.
import type { Socket } from 'bun'
import type { Latency } from '../contestant.ts'
import { sourceAddress } from '../measure/descriptors.ts'
import { openLoop } from '../measure/open-loop.ts'
import { postOf, isWhole } from '../measure/socket-load.ts'
import { basket } from '../order.ts'

export type Pace = { readonly rate: number; readonly ms: number }
export type Paced = Latency & { readonly accepted: number }

type Client = { text: string; answered: (text: string) => void; free: Promise<unknown> }

const [port, many] = process.argv.slice(2).map(Number) as [number, number]
const load = { port, before: '/order/', after: '/place', body: JSON.stringify(basket()), connections: many }
const prefix = `${Date.now().toString(36)}-`
/** Connections being made at once. */
const OPENING = 200

const sockets: Socket<Client>[] = []
for (let i = 0; i < many; i += OPENING)
  sockets.push(...(await Promise.all(Array.from({ length: Math.min(OPENING, many - i) }, (_, j) => open(i + j)))))

let sent = 0
let accepted = 0

async function act(): Promise<void> {
  const socket = sockets[sent++ % many]!
  const id = `${prefix}${sent}`
  // One request at a time a connection.
  const answer = socket.data.free.then(() => ask(socket, id))
  socket.data.free = answer.catch(() => {})
  const text = await answer
  if (!text.startsWith('HTTP/1.1 2')) throw new Error(`a command was answered ${text.slice(0, 200)}`)
  accepted++
}

function ask(socket: Socket<Client>, id: string): Promise<string> {
  return new Promise(resolve => {
    socket.data.text = ''
    socket.data.answered = resolve
    socket.write(postOf(load, id))
  })
}

function open(index: number): Promise<Socket<Client>> {
  const options = {
    hostname: '127.0.0.1',
    port,
    // Bun takes it; its types do not know it yet.
    localAddress: sourceAddress(index),
    data: { text: '', answered: () => {}, free: Promise.resolve() },
    socket: {
      data: (socket: Socket<Client>, bytes: Buffer) => {
        socket.data.text += bytes.toString('latin1')
        if (isWhole(socket.data.text)) socket.data.answered(socket.data.text)
      },
      close: (socket: Socket<Client>) => socket.data.answered('a connection was closed'),
    },
  }
  return Bun.connect<Client>(options)
}

process.on('message', async ({ rate, ms }: Pace) => {
  accepted = 0
  const latency = await openLoop({ act, callers: 0, events: 1, postmaster: null }, rate, ms)
  const answer: Paced = { ...latency, accepted }
  process.send!(answer)
})
process.on('disconnect', () => process.exit(0))
process.send!({ ready: true })
