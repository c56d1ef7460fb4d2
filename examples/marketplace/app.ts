import { app } from 'emaki/http'
import { inventory } from './inventory.ts'
import { order } from './order.ts'
import { payment } from './payment.ts'

export default app({ serve: [inventory, order, payment], title: 'Marketplace', version: '0.1.0' })
