// What a changed process would decide differently. `bun examples/changed-process.ts` reads `log.jsonl`, an export of the marketplace.
import { processManager } from 'emaki'
import { compareProcesses, compareWithLog, gateText, storedOfLine } from 'emaki/testing'
import { fulfilment } from './marketplace/fulfilment.ts'
import { centsOf, Order } from './marketplace/order.ts'
import { payment } from './marketplace/payment.ts'

/** Asks for the price of an order, and for a fee. */
const billing = (fee: number) =>
  processManager('billing', {
    from: Order,
    to: [payment],
    begins: 'Placed',
    initial: {},
    evolve: {},
    react: { Placed: (_, { items }, { instance: id }) => payment.request(id, { cents: centsOf(items) + fee }) },
    on: { rejected: () => [] },
  })
const [billingV1, billingV2] = [billing(0), billing(1)]

const log = (await Bun.file('log.jsonl').text()).trimEnd().split('\n').map(storedOfLine)
console.log(gateText(compareProcesses(billingV1, billingV2, log))) // two versions
console.log(gateText(compareWithLog(fulfilment, log))) // or what was really sent
