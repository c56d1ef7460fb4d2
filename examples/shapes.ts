// Notes what changes in the payloads of orders, too.
import { detector } from 'emaki'
import { Order } from './marketplace/order.ts'

export const shapes = detector('shapes', { from: Order, shape: true })
