// L8: Bun.serve, JSON in and out.
import { announce } from './announce.ts'

const server = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch: async request => Response.json(await request.json()),
})

await announce(server.port)
