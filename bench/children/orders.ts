// W8: Emaki behind HTTP, on the PostgreSQL at DATABASE_URL.
import { app } from 'emaki/http'
import { postgres } from 'emaki/postgres'
import { order } from '../order.ts'
import { announce } from './announce.ts'

const orders = app({ serve: [order], store: postgres(process.env['DATABASE_URL']!) })
// As long as `emaki serve` keeps connections open that are not used.
const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: orders.fetch, idleTimeout: 60 })

await announce(server.port)
