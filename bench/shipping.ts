// A process that sends one command for each event, to a stream of its own for each instance.
import { decider, events, processManager, reject } from 'emaki'
import { basketSchema, Order } from './order.ts'

export const Shipment = events('shipment', { Sent: basketSchema })

export const shipment = decider(Shipment, {
  initial: { isSent: false },
  evolve: { Sent: () => ({ isSent: true }) },
  commands: { send: basketSchema },
  decide: { send: ({ isSent }, basket) => (isSent ? reject('sent-already') : Shipment.Sent(basket)) },
})

/** An order whose customer is called so has the process that folds it stop there, where its pid is the one named. */
export const STOPS = 'stops-'

export const shipping = processManager('shipping', {
  from: Order,
  to: shipment,
  begins: 'Placed',
  start: 'beginning',
  initial: { sent: 0 },
  evolve: { Placed: ({ sent }) => ({ sent: sent + 1 }) },
  react: {
    Placed: (_, basket, { instance }) => {
      if (basket.customerId === `${STOPS}${process.pid}`) process.kill(process.pid, 'SIGSTOP')
      return shipment.send(instance, basket)
    },
  },
  on: { rejected: () => [] },
})
