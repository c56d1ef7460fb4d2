// A history is recorded by one version of a process, and changed ones are found out over it.
import { beforeAll, describe, expect, test } from 'bun:test'
import { compareProcesses, compareWithLog, decisionsOf, gateText, storedOfLine } from 'emaki/testing'
import type { StoredEvent } from 'emaki'
import { runtime } from '../../runtime.ts'
import { memory } from '../../ports/store/memory.ts'
import { fulfilment, Order, order, Purse, purse, Shelf, shelf, shop } from '../../test-support/fulfilment.ts'
import { until } from '../../test-support/servers/until.ts'
import { storedLine } from '../../transfer/stored-line.ts'
import { processManager } from './process.ts'
import { after, cancel } from './timer.ts'

type Change = 'none' | 'charges more' | 'forgets to give back' | 'waits longer' | 'pays twice' | 'throws'

/** The process of the history, or one of its changed versions. */
function buildChanged(change: Change) {
  return processManager('fulfilment', {
    from: [Order, Shelf, Purse],
    to: [order, shelf, purse],
    begins: 'Placed',
    key: { Taken: ({ order }) => order, Returned: ({ order }) => order },
    initial: { cents: 0, wanted: 0, taken: [] as readonly string[], over: false },
    evolve: {
      Placed: (s, { skus, cents }) => ({ ...s, cents, wanted: skus.length }),
      Taken: (s, _, { instance }) => ({ ...s, taken: [...s.taken, instance] }),
      Cancelled: s => ({ ...s, over: true }),
    },
    react: {
      Placed: (_, { skus }, { instance }) => [
        ...skus.map(sku => shelf.take(sku, { order: instance })),
        after(change === 'waits longer' ? '20 minutes' : '15 minutes', 'unpaid', order.cancel(instance, { reason: 'unpaid' })),
      ],
      Taken: (s, _, { instance: sku }, key) => {
        if (change === 'throws') throw new Error('planted')
        if (s.over) return shelf.giveBack(sku, { order: key })
        return s.taken.length === s.wanted ? purse.charge(key, { cents: s.cents + (change === 'charges more' ? 1 : 0) }) : []
      },
      Charged: (_, __, { instance: id }) => [
        cancel('unpaid'),
        order.pay(id, {}),
        ...(change === 'pays twice' ? [order.pay(id, {})] : []),
      ],
      Paid: (_, __, { instance }) => order.send(instance, {}),
      Cancelled: (s, _, { instance }) => [
        cancel('unpaid'),
        ...(change === 'forgets to give back' ? [] : s.taken.map(sku => shelf.giveBack(sku, { order: instance }))),
      ],
    },
    on: {
      rejected: (_, { command, code }, key) =>
        command.command === 'take' || command.command === 'charge' ? order.cancel(key, { reason: code }) : [],
    },
  })
}

let log: readonly StoredEvent[] = []

beforeAll(async () => {
  let skipped = 0
  const emaki = await runtime({ serve: shop, store: memory({ now: () => Date.now() + skipped }) })
  const untilStatus = (id: string, status: string) =>
    until(
      `${id} is ${status}`,
      async () => ((await emaki.state('order', id))?.state as { status: string } | undefined)?.status === status,
    )
  await emaki.send(shelf.fill('a', { qty: 9 }))
  await emaki.send(order.place('sent', { skus: ['a'], cents: 100 }))
  await emaki.send(order.place('declined', { skus: ['a'], cents: 113 }))
  await emaki.send(order.place('short', { skus: ['a', 'none'], cents: 100 }))
  await emaki.send(order.place('unpaid', { skus: [], cents: 100 }))
  await untilStatus('sent', 'sent')
  await untilStatus('declined', 'cancelled')
  await untilStatus('short', 'cancelled')
  await until('only a timer is left', async () => (await emaki.store.agenda.count())[0]?.pending === 1)
  skipped += 16 * 60_000
  emaki.pollAgenda()
  await untilStatus('unpaid', 'cancelled')
  await until('nothing is left', async () => (await emaki.store.agenda.count()).length === 0)
  log = await emaki.store.readAll({ after: 0, limit: 1_000 })
  await emaki.close()
})

const findEvent = (stream: string, type: string) => log.find(event => event.stream === stream && event.type === type)!

describe('a replay gate', () => {
  test('a replay gate tells what a process asks for by each event, and which event it was', () => {
    const taken = findEvent('shelf-a', 'Taken')
    expect(decisionsOf(fulfilment, log).find(({ by }) => by.position === taken.position)).toEqual({
      instance: 'sent',
      by: { id: taken.id, stream: 'shelf-a', version: taken.version, position: taken.position, type: 'Taken' },
      steps: [{ kind: 'command', command: purse.charge('sent', { cents: 100 }) }],
    })
    const due = findEvent('fulfilment-unpaid', 'Due')
    expect(decisionsOf(fulfilment, log).find(({ by }) => by.position === due.position)?.steps).toEqual([
      { kind: 'command', command: order.cancel('unpaid', { reason: 'unpaid' }) },
    ])
  })

  test('a replay gate finds nothing where the same is decided by other code', () => {
    const { differences, decisions } = compareProcesses(fulfilment, buildChanged('none'), log)
    expect(differences).toEqual([])
    expect(gateText({ decisions, differences, untraced: [] })).toBe(`${decisions} decisions compared: none differs`)
  })

  test('a replay gate finds nothing where a process is compared with the log that it made', () => {
    const compared = compareWithLog(fulfilment, log)
    expect(compared.differences).toEqual([])
    expect(compared.decisions).toBeGreaterThan(10)
  })

  test('a replay gate finds a command with other data, at its stream and position', () => {
    const taken = findEvent('shelf-a', 'Taken')
    const found = compareProcesses(fulfilment, buildChanged('charges more'), log)
    expect(found.differences[0]).toMatchObject({
      kind: 'changed',
      instance: 'sent',
      by: { stream: 'shelf-a', position: taken.position },
      before: { command: { data: { cents: 100 } } },
      after: { command: { data: { cents: 101 } } },
    })
    expect(gateText(found)).toContain(
      `changed sent at ${taken.position}, by Taken (shelf-a, version ${taken.version}): purse.charge sent {"cents":100}, now purse.charge sent {"cents":101}`,
    )
    // The log has a charge whole only where it was declined.
    expect(compareWithLog(buildChanged('charges more'), log).differences).toMatchObject([
      { kind: 'changed', instance: 'declined' },
    ])
  })

  test('a replay gate finds a command that is not sent any more, against another version and against the log', () => {
    const missing = { kind: 'missing', instance: 'declined', by: { position: findEvent('order-declined', 'Cancelled').position } }
    expect(compareProcesses(fulfilment, buildChanged('forgets to give back'), log).differences).toContainEqual(
      expect.objectContaining({ ...missing, by: expect.objectContaining(missing.by) }),
    )
    expect(compareWithLog(buildChanged('forgets to give back'), log).differences).toContainEqual(
      expect.objectContaining({
        ...missing,
        by: expect.objectContaining(missing.by),
        before: { kind: 'led to', stream: 'shelf-a', types: ['Returned'] },
      }),
    )
  })

  test('a replay gate finds a timer that falls due at another time', () => {
    const { differences } = compareProcesses(fulfilment, buildChanged('waits longer'), log)
    expect(differences.map(({ kind, after }) => [kind, after?.kind])).toEqual(Array(4).fill(['changed', 'timer']))
  })

  test('a replay gate finds a command that is sent once more', () => {
    const { differences } = compareProcesses(fulfilment, buildChanged('pays twice'), log)
    expect(differences).toMatchObject([{ kind: 'added', after: { command: order.pay('sent', {}) } }])
  })

  test('a replay gate finds a decision that throws, and counts its instance as parked', () => {
    const { differences } = compareProcesses(fulfilment, buildChanged('throws'), log)
    const failures = differences.filter(({ after }) => after?.kind === 'failure')
    expect(failures.map(({ instance }) => instance)).toEqual(['sent', 'declined', 'short'])
    expect(differences).toContainEqual(expect.objectContaining({ kind: 'missing', instance: 'sent' }))
    expect(compareWithLog(buildChanged('throws'), log).differences).not.toEqual([])
  })

  test('a replay gate reads the lines of an export like the log itself', () => {
    const lines = log.map(storedLine).map(storedOfLine)
    expect(lines).toEqual([...log])
    expect(decisionsOf(fulfilment, lines)).toEqual(decisionsOf(fulfilment, log))
  })
})
