// W8 for `emaki compare`: `POST /order/{id}/place` over 64 connections of this process, on the PostgreSQL that
// with-postgres.ts started.
import { app } from 'emaki/http'
import { postgres } from 'emaki/postgres'
import { testSchema } from '../../src/test-support/schema.ts'
import { socketLoad } from '../measure/socket-load.ts'
import { basket, order } from '../order.ts'

const SLICE_MS = 100

const { url, schema, drop } = await testSchema()
const shop = app({ serve: [order], store: postgres(url, { schema }) })
const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: shop.fetch })
const load = { port: server.port!, before: '/order/', after: '/place', body: JSON.stringify(basket()), connections: 64 }

export default async () => {
  const { requests, seconds, failed } = await socketLoad(load, SLICE_MS)
  if (failed) throw new Error(`${failed} of ${requests} requests failed`)
  return { perSecond: requests / seconds }
}

export async function close(): Promise<void> {
  await server.stop(true)
  await drop()
}
