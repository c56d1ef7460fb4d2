// A node that runs a process with a lease of 2 s, on the PostgreSQL at DATABASE_URL.
import { runtime } from 'emaki'
import { postgres } from 'emaki/postgres'
import { order } from '../order.ts'
import { shipment, shipping } from '../shipping.ts'
import { announce } from './announce.ts'

await runtime({ serve: [order, shipment, shipping], store: postgres(process.env['DATABASE_URL']!), leaseMs: 2_000 })
await announce(0)
