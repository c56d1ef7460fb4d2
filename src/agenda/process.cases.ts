// What an order leads to, and what becomes of timers and refusals: for each kind of store.
import { afterEach, describe, expect, test } from 'bun:test'
import type { Served } from '../definitions/definition.ts'
import { NAME_LENGTH_MAX } from '../definitions/event/names.ts'
import { processManager } from '../definitions/process/process.ts'
import { after } from '../definitions/process/timer.ts'
import type { Store } from '../ports/store/store.ts'
import { type Runtime, runtime } from '../runtime.ts'
import { Order, order, shelf, shop } from '../test-support/fulfilment.ts'
import { until } from '../test-support/servers/until.ts'
import { untilProcessed } from '../test-support/until-processed.ts'

/** `store` gives another store over the same log each time. `advance` moves its time ahead. */
export type TestedStore = { readonly store: () => Store; readonly advance: (ms: number) => Promise<void> }

/** `clear` is called after each case, when nothing runs any more. */
export function testProcesses(name: string, make: () => Promise<TestedStore>, clear = async (): Promise<void> => {}): void {
  describe(`a process on ${name}`, () => {
    const running: Runtime[] = []
    afterEach(async () => {
      for (const one of running.splice(0)) await one.close()
      await clear()
    })

    const startProcess = async ({ store }: TestedStore, serve: readonly Served[] = shop) => {
      const emaki = await runtime({ serve, store: store(), leaseMs: 500 })
      running.push(emaki)
      return emaki
    }
    const statusOf = async (emaki: Runtime, id: string) =>
      ((await emaki.state('order', id))?.state as { status: string } | undefined)?.status
    const untilStatus = (emaki: Runtime, id: string, status: string) =>
      until(`order ${id} is ${status}`, async () => (await statusOf(emaki, id)) === status)
    const types = async (emaki: Runtime, stream: string) =>
      (await emaki.store.read(stream, { after: 0, limit: 100 })).map(({ type }) => type)

    test('a process turns one command into all that follows from it', async () => {
      const emaki = await startProcess(await make())
      await emaki.send(shelf.fill('a', { qty: 1 }))
      await emaki.send(shelf.fill('b', { qty: 1 }))
      await emaki.send(order.place('o1', { skus: ['a', 'b'], cents: 100 }))
      await untilStatus(emaki, 'o1', 'sent')
      expect(await types(emaki, 'order-o1')).toEqual(['Placed', 'Paid', 'Sent'])
      expect(await types(emaki, 'purse-o1')).toEqual(['Charged'])
      await until('the agenda is empty', async () => (await emaki.store.agenda.count()).length === 0)
    })

    test('a process undoes what was done where a decision refuses', async () => {
      const emaki = await startProcess(await make())
      await emaki.send(shelf.fill('a', { qty: 1 }))
      await emaki.send(order.place('o1', { skus: ['a', 'gone'], cents: 100 }))
      await untilStatus(emaki, 'o1', 'cancelled')
      await until('a is back', async () => String(await types(emaki, 'shelf-a')) === 'Filled,Taken,Returned')
      expect(await types(emaki, 'fulfilment-o1')).toEqual(['Rejected'])
      expect(await types(emaki, 'purse-o1')).toEqual([])
    })

    test('a process is the actor of its commands, and passes on the initiator, the cause and the trace', async () => {
      const emaki = await startProcess(await make())
      await emaki.send(shelf.fill('a', { qty: 1 }))
      await emaki.send(order.place('o1', { skus: ['a'], cents: 100 }), {
        actor: 'ada',
        correlation: 'c1',
        traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
      })
      await untilStatus(emaki, 'o1', 'sent')
      const [placed, , sent] = await emaki.store.read('order-o1', { after: 0, limit: 10 })
      const [taken] = await emaki.store.read('shelf-a', { after: 1, limit: 10 })
      expect(JSON.parse(taken!.meta)).toMatchObject({
        actor: 'process:fulfilment',
        initiator: 'ada',
        correlation: 'c1',
        causation: placed!.id,
        traceparent: expect.stringContaining('1'.repeat(32)),
      })
      expect(JSON.parse(sent!.meta)).toMatchObject({ actor: 'process:fulfilment', initiator: 'ada', correlation: 'c1' })
    })

    test('a process is told of refusals, failures and timers for a key of any length, and parks what a longer key is for', async () => {
      const told = processManager('told', {
        from: Order,
        to: order,
        begins: 'Placed',
        // Three bytes each, which is the most that a UTF-16 unit takes in a database.
        key: { Placed: ({ cents }) => '絵'.repeat(cents) },
        initial: {},
        evolve: {},
        react: {
          Placed: (_, __, { instance }) => [
            order.send(instance, {}),
            order.cancel(instance, { reason: 5 as never }),
            after('1 minute', 't'.repeat(NAME_LENGTH_MAX)),
          ],
        },
        on: { rejected: () => [] },
      })
      const place = await make()
      const emaki = await startProcess(place, [order, told])
      const placeWithKey = (length: number) => emaki.send(order.place(`o${length}`, { skus: [], cents: length }))
      for (const length of [NAME_LENGTH_MAX + 1, 250, NAME_LENGTH_MAX]) await placeWithKey(length)
      await until('the timers are set', async () => (await emaki.store.agenda.list({ timers: true, limit: 9 })).length === 2)
      await place.advance(60_001)
      for (const length of [250, NAME_LENGTH_MAX])
        await until(`the key of ${length} is told`, async () => {
          const found = await types(emaki, `told-${'絵'.repeat(length)}`)
          return String(found.toSorted()) === 'Due,Failed,Rejected'
        })
      const cause = `a key has at most ${NAME_LENGTH_MAX} characters, and this has ${NAME_LENGTH_MAX + 1}`
      expect(await emaki.store.readModel.parked('process_told')).toMatchObject([
        { kind: 'stream', key: `order-o${NAME_LENGTH_MAX + 1}`, cause: expect.stringContaining(cause) },
      ])
    })

    test('a process has a timer fall due when its time has come, and not before', async () => {
      const place = await make()
      const emaki = await startProcess(place)
      await emaki.send(shelf.fill('a', { qty: 1 }))
      // Nothing to take, and so nothing to be paid for: it waits.
      await emaki.send(order.place('o1', { skus: [], cents: 0 }))
      await until('the timer is set', async () => (await emaki.store.agenda.list({ timers: true, limit: 9 })).length === 1)
      await place.advance(14 * 60_000)
      expect(await statusOf(emaki, 'o1')).toBe('placed')
      await place.advance(60_001)
      await untilStatus(emaki, 'o1', 'cancelled')
      expect(await types(emaki, 'fulfilment-o1')).toEqual(['Due'])
      await until('the agenda is empty', async () => (await emaki.store.agenda.count()).length === 0)
    })

    test('a process goes on where an earlier run of it ended, with nothing done twice', async () => {
      const place = await make()
      const first = await startProcess(place)
      await first.send(shelf.fill('a', { qty: 30 }))
      const orders = Array.from({ length: 20 }, (_, i) => `o${i}`)
      await Promise.all(orders.map(id => first.send(order.place(id, { skus: ['a'], cents: 100 }))))
      running.splice(0)
      await first.close()
      const second = await startProcess(place)
      for (const id of orders) await untilStatus(second, id, 'sent')
      for (const id of orders) expect(await types(second, `purse-${id}`)).toEqual(['Charged'])
      expect((await types(second, 'shelf-a')).filter(type => type === 'Taken')).toHaveLength(20)
    })

    test('a process of a newer version builds its states from the log, sends nothing for earlier events, and goes on', async () => {
      const place = await make()
      const countingProcess = (version: number, reason: string) =>
        processManager('counting', {
          from: Order,
          to: order,
          begins: 'Placed',
          initial: { placed: 0 },
          evolve: { Placed: ({ placed }) => ({ placed: placed + version }) },
          react: {
            Placed: (_, __, { instance }) => after('1 hour', 'late', order.cancel(instance, { reason })),
            Cancelled: ({ placed }, __, { instance }) => order.place(`${instance}-${placed}-${reason}`, { skus: [], cents: 0 }),
          },
          on: { rejected: () => [] },
          version,
        })
      const first = await startProcess(place, [order, countingProcess(1, 'one')])
      await first.send(order.place('gone', { skus: [], cents: 0 }))
      await first.send(order.cancel('gone', { reason: 'x' }))
      await untilStatus(first, 'gone-1-one', 'placed')
      await first.send(order.place('o1', { skus: [], cents: 0 }))
      await until('all is written', async () => (await first.store.agenda.list({ timers: true, limit: 9 })).length === 3)
      running.splice(0)
      await first.close()
      const second = await startProcess(place, [order, countingProcess(2, 'two')])
      await second.send(order.place('o2', { skus: [], cents: 0 }))
      await untilProcessed(second, await second.store.head())
      expect(await statusOf(second, 'gone-2-two')).toBeUndefined()
      // What was set stays set, with what it comes to now.
      await place.advance(3_600_001)
      await untilStatus(second, 'o1', 'cancelled')
      await untilStatus(second, 'o1-2-two', 'placed')
      const [, cancelled] = await second.store.read('order-o1', { after: 0, limit: 9 })
      expect(JSON.parse(cancelled!.data)).toEqual({ reason: 'two' })
      await untilStatus(second, 'o2', 'cancelled')
    })

    test('a process parks an instance that it cannot fold, lets the others go on, and sends what was passed over once repaired', async () => {
      const place = await make()
      let isMended = false
      const paying = processManager('paying', {
        from: Order,
        to: order,
        begins: 'Placed',
        initial: { times: 0 },
        evolve: {
          Placed: ({ times }, { cents }) => {
            if (cents === 13 && !isMended) throw new Error('thirteen')
            return { times: times + 1 }
          },
        },
        react: {
          Placed: (_, __, { instance }) => order.pay(instance, {}),
          Paid: (_, __, { instance }) => order.send(instance, {}),
        },
        on: { rejected: () => [] },
      })
      const emaki = await startProcess(place, [order, paying])
      await emaki.send(order.place('bad', { skus: [], cents: 13 }))
      await emaki.send(order.place('good', { skus: [], cents: 5 }))
      await untilStatus(emaki, 'good', 'sent')
      expect(await emaki.store.readModel.parked('process_paying')).toMatchObject([
        { kind: 'key', key: 'bad', cause: expect.stringContaining('thirteen') },
      ])
      expect(await statusOf(emaki, 'bad')).toBe('placed')
      isMended = true
      await emaki.store.readModel.unpark('process_paying')
      await untilStatus(emaki, 'bad', 'sent')
      expect(await types(emaki, 'order-bad')).toEqual(['Placed', 'Paid', 'Sent'])
      expect(await types(emaki, 'order-good')).toEqual(['Placed', 'Paid', 'Sent'])
    })
  })
}
