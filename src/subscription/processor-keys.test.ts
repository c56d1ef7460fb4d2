// A command of a processor has one effect, however long it takes until its event comes again.
import { expect, test } from 'bun:test'
import { z } from 'zod'
import { decider } from '../definitions/decider/decider.ts'
import { reject } from '../definitions/decider/reject.ts'
import { events } from '../definitions/event/events.ts'
import { processor } from '../definitions/processor.ts'
import { memory } from '../ports/store/memory.ts'
import { PASSED_KEEP_MS } from '../ports/store/sent-keys.ts'
import { runtime } from '../runtime.ts'
import { until } from '../test-support/servers/until.ts'
import { untilProcessed } from '../test-support/until-processed.ts'

const DAY_MS = 86_400_000
const None = z.object({})
const Bill = events('bill', { Due: None, Opened: None, Charged: None })
const bill = decider(Bill, {
  initial: { isOpen: false },
  evolve: { Due: state => state, Opened: () => ({ isOpen: true }), Charged: state => state },
  commands: { fall: None, open: None, charge: None, remind: None },
  decide: {
    remind: () => [],
    fall: () => Bill.Due({}),
    open: () => Bill.Opened({}),
    charge: ({ isOpen }) => (isOpen ? Bill.Charged({}) : reject('closed')),
  },
})

test('a command of a processor whose event is unparked after forty days has no second effect, is decided anew if it had none, and leaves no key', async () => {
  let skipped = 0
  let isMended = false
  const store = memory({ now: () => Date.now() + skipped })
  const answers: Record<string, (string | null)[]> = { paid: [], unpaid: [] }
  const charging = processor('charging', {
    from: Bill,
    types: ['Due'],
    retry: { forMs: 0 },
    handle: async ([event], { send }) => {
      const { instance } = event!
      answers[instance]!.push((await send(event!, bill.charge(instance, {})))?.code ?? null)
      await send(event!, bill.remind(instance, {}))
      if (!isMended) throw new Error('the printer is out of paper')
    },
  })
  const emaki = await runtime({ serve: [bill, charging], store, report: () => {} })
  await emaki.send(bill.open('paid', {}))
  for (const id of ['paid', 'unpaid']) await emaki.send(bill.fall(id, {}))
  await until('both are parked', async () => (await emaki.parked()).length === 2)
  await emaki.send(bill.open('unpaid', {}))
  skipped += 40 * DAY_MS
  await store.forgetKeys()
  expect(await store.keys({ after: 'agenda:', limit: 9 })).toMatchObject([{ stream: 'bill-paid', count: 1, until: null }])
  isMended = true
  await emaki.unpark('charging')
  await until('both are handled again', async () => (await emaki.parked()).length === 0)
  const types = async (id: string) => (await store.read(`bill-${id}`, { after: 0, limit: 9 })).map(({ type }) => type)
  expect([answers['paid'], await types('paid')]).toEqual([
    [null, null],
    ['Opened', 'Due', 'Charged'],
  ])
  expect([answers['unpaid'], await types('unpaid')]).toEqual([
    ['closed', null],
    ['Due', 'Opened', 'Charged'],
  ])
  await untilProcessed(emaki, await store.head(), ['charging'])
  for (const keptMs of [0, PASSED_KEEP_MS]) {
    skipped += keptMs
    await store.forgetKeys()
  }
  expect(await store.keys({ after: 'agenda:', limit: 9 })).toEqual([])
  await emaki.close()
})
