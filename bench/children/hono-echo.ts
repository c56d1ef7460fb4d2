// L9: Hono and one zod validator, JSON in and out.
import { zValidator } from '@hono/zod-validator'
import { Hono } from 'hono'
import { basketSchema } from '../order.ts'
import { announce } from './announce.ts'

const app = new Hono().post('/order/:id/place', zValidator('json', basketSchema), c => c.json(c.req.valid('json')))
const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: app.fetch })

await announce(server.port)
