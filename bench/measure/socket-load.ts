import type { Socket } from 'bun'
import type { Load, Loaded } from './load.ts'
import { Latencies } from './latencies.ts'

type Connection = { readonly index: number; sentAt: number; text: string }

/** What wrk does, in this process, with one request at a time a connection. Answers have a Content-Length. */
export async function socketLoad(load: Load, ms: number): Promise<Loaded> {
  const latencies = new Latencies()
  const prefix = `${Date.now().toString(36)}-`
  const start = performance.now()
  let sent = 0
  let failed = 0
  const post = (socket: Socket<Connection>) => {
    socket.data.sentAt = performance.now()
    socket.data.text = ''
    sent++
    socket.write(load.body === null ? getOf(load, sent) : postOf(load, `${prefix}${sent}`))
  }
  const answered = (socket: Socket<Connection>, done: () => void) => {
    latencies.add(performance.now() - socket.data.sentAt)
    if (!/^HTTP\/1.1 2/.test(socket.data.text)) failed++
    if (performance.now() - start < ms) return post(socket)
    socket.end()
    done()
  }
  const one = (index: number) =>
    new Promise<void>((resolve, reject) => {
      void Bun.connect<Connection>({
        hostname: '127.0.0.1',
        port: load.port,
        data: { index, sentAt: 0, text: '' },
        socket: {
          open: post,
          data: (socket, bytes) => {
            socket.data.text += bytes.toString('latin1')
            if (isWhole(socket.data.text)) answered(socket, resolve)
          },
          error: (_, error) => reject(error),
        },
      }).catch(reject)
    })
  await Promise.all(Array.from({ length: load.connections }, (_, i) => one(i)))
  const [p50Ms, p99Ms] = latencies.quantiles(0.5, 0.99) as [number, number]
  return { requests: latencies.count, seconds: (performance.now() - start) / 1_000, p50Ms, p99Ms, failed }
}

/** A request as bytes on the wire. */
export function postOf({ port, before, after, body }: Load, id: string): string {
  const length = Buffer.byteLength(body ?? '')
  const head = `Host: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nContent-Length: ${length}`
  return `POST ${before}${id}${after} HTTP/1.1\r\n${head}\r\n\r\n${body}`
}

function getOf({ port, before, ids = 0 }: Load, sent: number): string {
  return `GET ${before}${ids ? sent % ids : ''} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`
}

/** Whether an answer with a Content-Length is all there. */
export function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return false
  const length = /content-length: *(\d+)/i.exec(text.slice(0, end))
  return text.length >= end + 4 + Number(length?.[1] ?? 0)
}
