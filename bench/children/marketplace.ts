// W9: the queries of examples/marketplace on the PostgreSQL at DATABASE_URL, with the cache at REDIS_URL where there is one.
import { app } from 'emaki/http'
import { postgres } from 'emaki/postgres'
import { redisCache } from 'emaki/redis'
import { order } from '../../examples/marketplace/order.ts'
import { customers, orders, orderSummary } from '../../examples/marketplace/views.ts'
import { announce } from './announce.ts'

const url = process.env['REDIS_URL']
const marketplace = app({
  serve: [order, orders, customers, orderSummary],
  store: postgres(process.env['DATABASE_URL']!),
  ...(url !== undefined && { cache: (prefix: string) => redisCache({ url, prefix }) }),
})
const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: marketplace.fetch, idleTimeout: 60 })

await announce(server.port)
