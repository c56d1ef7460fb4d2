// Watches how often orders are placed and shipped.
import { detector } from 'emaki'
import { Order } from './marketplace/order.ts'

export const rates = detector('rates', { from: Order, types: ['Placed', 'Shipped'] })
