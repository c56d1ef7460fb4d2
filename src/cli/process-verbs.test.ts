// The verbs that show what processes do: processes, agenda and timers.
import { beforeAll, describe, expect, test } from 'bun:test'
import { startServices } from '../runtime.ts'
import { every } from '../definitions/recurrence.ts'
import { schedule } from '../definitions/schedule.ts'
import { memory } from '../ports/store/memory.ts'
import type { Store } from '../ports/store/store.ts'
import { runVerb } from '../test-support/run-verb.ts'
import { order, shelf, shop } from '../test-support/fulfilment.ts'
import { until } from '../test-support/servers/until.ts'
import { agendaVerb, timersVerb } from './agenda.ts'
import { processesVerb } from './processes.ts'
import { parkedVerb, resetVerb, skipVerb, unparkVerb } from './rows.ts'

let store: Store
const at = '2100-01-01T00:00:00Z'
const serve = shop
beforeAll(async () => {
  store = memory()
  const emaki = await startServices({ serve, store })
  await emaki.schedule.add(order.place('later', { skus: [], cents: 1 }), { at })
  await emaki.send(shelf.fill('a', { qty: 1 }))
  // What lies in the purse is never charged where there is nothing to take.
  for (const id of ['o1', 'o2']) await emaki.send(order.place(id, { skus: [], cents: 5 }))
  await until('both have a timer', async () => (await store.agenda.list({ timers: true, limit: 9 })).length === 2)
  await emaki.close()
})

describe('schedules', () => {
  test('schedules are shown by agenda with their next time, by their own name', async () => {
    const nightly = schedule('nightly', {
      every: every('0 3 * * *', { zone: 'UTC' }),
      to: order,
      send: () => order.cancel('o1', { reason: 'night' }),
    })
    const log = memory({ now: () => Date.parse('2100-01-01T00:00:00Z') })
    const emaki = await startServices({ serve: [order, nightly], store: log })
    await until('its time is set', async () => (await log.agenda.count()).length === 1)
    await emaki.close()
    const shown = { store: log, serve: [order, nightly], words: ['nightly'] }
    expect((await runVerb(agendaVerb, shown)).out).toMatch(
      /\nnightly +1 +1 +0 +ok\n[\s\S]*T03:00:00.000Z .* nightly +timer +nightly +0 3 \* \* \* UTC/,
    )
    const { out } = await runVerb(agendaVerb, { ...shown, json: true })
    expect(JSON.parse(out)).toMatchObject({ entries: [{ owner: 'nightly', kind: 'timer', due: '2100-01-01T03:00:00.000Z' }] })
  })
})

describe('processes', () => {
  test('processes shows each process with its position, and how much it waits for', async () => {
    const { code, out } = await runVerb(processesVerb, { store, serve })
    expect(code).toBe(0)
    expect(out.split('\n').map(line => line.split(/ +/))).toEqual([
      ['NAME', 'VERSION', 'POSITION', 'LAG', 'INSTANCES', 'TIMERS', 'COMMANDS', 'PARKED'],
      ['fulfilment', '1', '3', '0', '2', '2', '0', '0'],
      [''],
    ])
    expect(JSON.parse((await runVerb(processesVerb, { store, serve, json: true })).out)).toEqual([
      {
        name: 'fulfilment',
        version: 1,
        isServing: true,
        position: 3,
        lagEvents: 0,
        instances: 2,
        timers: 2,
        commands: 0,
        parked: 0,
      },
    ])
    expect((await runVerb(processesVerb, { store: memory(), serve })).out).toMatch(/fulfilment +1 \(has not begun\) +0 +0 +0/)
    expect((await runVerb(processesVerb, { store })).out).toBe('this app has no process managers\n')
  })

  test('processes shows the instances of a process, a page at a time', async () => {
    const { out, err } = await runVerb(processesVerb, { store, serve, words: ['fulfilment'], values: { limit: '1' } })
    expect(out).toMatch(/^KEY +POSITION +TIMERS +STATE\no1 +2 +1 +\{"cents":5,/)
    expect(err).toBe('there may be more: --after o1\n')
    const next = await runVerb(processesVerb, { store, serve, words: ['fulfilment'], values: { after: 'o1' }, json: true })
    expect(JSON.parse(next.out)).toMatchObject({ instances: [{ key: 'o2', position: 3, state: { cents: 5 } }], next: null })
  })

  test('processes shows one instance with its state and what it waits for, and ends with 66 where there is none', async () => {
    const { out } = await runVerb(processesVerb, { store, serve, words: ['fulfilment', 'o2'] })
    expect(out).toStartWith('STATE after position 3\n{\n  "cents": 5,')
    expect(out).toMatch(/ in 15 min +fulfilment +timer +o2 +unpaid: order\.cancel o2\n$/)
    const { pending, timers } = JSON.parse(
      (await runVerb(processesVerb, { store, serve, words: ['fulfilment', 'o2'], json: true })).out,
    ) as {
      pending: unknown
      timers: unknown
    }
    expect(pending).toMatchObject([
      { owner: 'fulfilment', kind: 'timer', timer: 'unpaid', command: { decider: 'order', id: 'o2' } },
    ])
    expect(timers).toMatchObject({ unpaid: { set: 3 } })
    expect(await runVerb(processesVerb, { store, serve, words: ['fulfilment', 'o9'] })).toMatchObject({
      code: 66,
      err: 'fulfilment has no instance o9, or it has ended\n',
    })
    await expect(runVerb(processesVerb, { store, serve, words: ['fulfilment', 'o2', 'o3'] })).rejects.toThrow(
      'processes does not take o3',
    )
    await expect(runVerb(processesVerb, { store, serve, words: ['nobody'] })).rejects.toThrow(
      'there is no process nobody; there are fulfilment',
    )
  })
})

describe('processes preview', () => {
  const preview = (values: object = {}, json = false) =>
    runVerb(processesVerb, { store, serve, words: ['preview', 'fulfilment'], values: { ...values }, json })

  test('processes preview shows what a process would send for the whole log, and sends nothing', async () => {
    const before = await store.head()
    const { code, out } = await preview()
    expect([code, await store.head()]).toEqual([0, before])
    const due = expect.stringMatching(/^\S+Z: order\.cancel o1 \{"reason":"unpaid"\}$/) as string
    expect(out.split('\n').map(line => line.split(' timer unpaid due '))).toEqual([
      ['o1 at 2, by Placed (order-o1, version 1):', due],
      ['o2 at 3, by Placed (order-o2, version 1):', expect.any(String)],
      ['after position 0, up to 3, fulfilment would send 0 commands and set 2 timers, of which 0 are due already'],
      [''],
    ])
  })

  test('processes preview takes another start, and refuses one that there is not', async () => {
    const { out } = await preview({ start: '2', limit: '1' }, true)
    expect(JSON.parse(out)).toMatchObject({ after: 2, until: 3, timers: 1, decisions: [{ instance: 'o2' }] })
    expect(JSON.parse((await preview({ start: 'now' }, true)).out)).toMatchObject({ after: 3, timers: 0, decisions: [] })
    await expect(preview({ start: 'soon' })).rejects.toThrow("--start: start is 'beginning', 'now', a position or")
  })
})

describe('a parked process', () => {
  test('a parked process is shown and unparked by its name, and is never reset', async () => {
    const parking = memory()
    const { epoch } = (await parking.readModel.acquire('process_fulfilment', { owner: 'x', ttlMs: 1_000, start: 0 }))!
    const page = { name: 'process_fulfilment', epoch, from: 0, to: 1, ttlMs: 1, rows: [], unpark: [] }
    await parking.readModel.commit({ ...page, park: [{ kind: 'key', key: 'o1', position: 1, cause: 'Error: x' }] })
    const asked = { store: parking, serve, words: ['fulfilment'] }
    expect((await runVerb(parkedVerb, asked)).out).toContain('process_fulfilment  key   o1')
    expect((await runVerb(unparkVerb, asked)).out).toBe('1 will be handled again\n')
    const skipped = await runVerb(skipVerb, { ...asked, words: ['fulfilment', 'o1'] })
    expect(skipped.out).toBe('1 will go on without the event at which it is parked\n')
    await expect(runVerb(resetVerb, asked)).rejects.toThrow('fulfilment is a process')
  })
})

describe('the agenda', () => {
  test('the agenda shows what is to be sent, by owner and by due time', async () => {
    const { out } = await runVerb(agendaVerb, { store, serve })
    expect(out.split('\n').map(line => line.split(/ {2,}/))).toEqual([
      ['OWNER', 'PENDING', 'TIMERS', 'DUE NOW', 'STATE'],
      ['commands', '1', '0', '0', 'ok'],
      ['fulfilment', '2', '2', '0', 'ok'],
      [''],
      ['DUE', 'WHEN', 'OWNER', 'KIND', 'KEY', 'WHAT'],
      [expect.any(String), 'in 15 min', 'fulfilment', 'timer', 'o1', 'unpaid: order.cancel o1'],
      [expect.any(String), 'in 15 min', 'fulfilment', 'timer', 'o2', 'unpaid: order.cancel o2'],
      ['2100-01-01T00:00:00.000Z', expect.stringMatching(/^in \d+ h/), 'commands', 'scheduled', 'order.place later'],
      [''],
    ])
    const { owners, entries } = JSON.parse(
      (await runVerb(agendaVerb, { store, serve, words: ['commands'], json: true })).out,
    ) as {
      owners: unknown
      entries: unknown
    }
    expect(owners).toEqual([{ owner: 'commands', pending: 1, timers: 0, due: 0, isPaused: false }])
    expect(entries).toMatchObject([{ owner: 'commands', kind: 'scheduled', command: { command: 'place', id: 'later' } }])
    expect((await runVerb(agendaVerb, { store: memory(), serve })).out).toBe('nothing is to be sent\n')
  })

  test('timers shows timers alone, of all processes or of one, the earliest first', async () => {
    const found = JSON.parse((await runVerb(timersVerb, { store, serve, words: ['fulfilment'], json: true })).out) as {
      key: string
    }[]
    expect(found.map(({ key }) => key)).toEqual(['o1', 'o2'])
    const { out, err } = await runVerb(timersVerb, { store, serve, values: { limit: '1' } })
    expect(out).toMatch(/^DUE .*\n.*unpaid: order\.cancel o1\n$/)
    expect(err).toBe('there may be more: --limit 2\n')
    expect((await runVerb(timersVerb, { store: memory(), serve })).out).toBe('no timer is set\n')
  })
})
