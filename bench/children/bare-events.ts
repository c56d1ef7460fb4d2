// The limit of W10: bare Bun.serve that writes the same bytes, made once, to all who listen. `POST /burst?events=20` does.
import { cloudEvent } from '../../src/transfer/cloud-event.ts'
import { encodeFrame, joinFrames } from '../../routes/events/sse.ts'
import { LogEvent } from '../../src/subscription/log-event.ts'
import { row } from '../limits/row.ts'
import { announce } from './announce.ts'

const log = { id: Bun.randomUUIDv7(), epoch: 1 }
const listening = new Set<ReadableStreamDirectController>()
let position = 0

const server = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  idleTimeout: 0,
  fetch: request => {
    const { pathname, searchParams } = new URL(request.url)
    return pathname === '/burst' ? burst(Number(searchParams.get('events'))) : listen()
  },
})

function listen(): Response {
  const body = new ReadableStream({
    type: 'direct',
    pull: controller => {
      listening.add(controller)
      controller.write('retry: 2000\nid: 0\n\n')
      void controller.flush()
      return new Promise<void>(() => {})
    },
  })
  return new Response(body, { headers: { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache, no-transform' } })
}

function burst(events: number): Response {
  const bytes = joinFrames(Array.from({ length: events }, made))
  for (const controller of listening) {
    void controller.write(bytes)
    void controller.flush()
  }
  return new Response('written')
}

function made(): Uint8Array {
  const event = new LogEvent({ ...row(), version: 1, position: ++position, at: new Date().toISOString() })
  return encodeFrame({ id: String(position), event: 'order.Placed', data: cloudEvent(event, log) })
}

await announce(server.port)
