// An app within another one: what is below /shop is Emaki's, and the rest is yours.
import { main } from 'emaki/cli'
import { app } from 'emaki/http'
import { Hono } from 'hono'
import { order } from './marketplace/order.ts'
import { orders } from './marketplace/views.ts'

const shop = app({ serve: [order, orders] })
const site = new Hono().get('/', c => c.text('Welcome')).route('/shop', shop)
await main(site)
