// W10: Emaki's events over HTTP, on the PostgreSQL at DATABASE_URL. `POST /burst?events=20` appends so many at once.
import { app } from 'emaki/http'
import { postgres } from 'emaki/postgres'
import { spec } from '../../src/definitions/event/events.ts'
import { basket, Order, order } from '../order.ts'
import { announce } from './announce.ts'

const orders = app({ serve: [order], store: postgres(process.env['DATABASE_URL']!), publicStreams: [order] })
const emaki = await orders[spec].start()

const server = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch: (request, server) => {
    const { pathname, searchParams } = new URL(request.url)
    return pathname === '/burst' ? burst(Number(searchParams.get('events'))) : orders.fetch(request, server)
  },
})

async function burst(events: number): Promise<Response> {
  const slices = Array.from({ length: events }, () => ({
    stream: `order-${Bun.randomUUIDv7()}`,
    expect: 0,
    events: [Order.Placed(basket())],
  }))
  const { outcome } = await emaki.append(slices)
  return new Response(outcome, { status: outcome === 'appended' ? 200 : 500 })
}

await announce(server.port)
