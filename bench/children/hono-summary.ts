// The limit of W9: a bare Hono route that answers what the query would.
import { Hono } from 'hono'
import { announce } from './announce.ts'

const app = new Hono().get('/order-summary', c => c.json({ customerId: c.req.query('customerId'), orders: 0, open: 0, spend: 0 }))
const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: app.fetch })

await announce(server.port)
