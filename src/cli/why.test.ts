// The verb why, from the store's side alone: nothing serves beside it.
import { expect, test } from 'bun:test'
import { z } from 'zod'
import { memory } from '../ports/store/memory.ts'
import { StoreError } from '../ports/store/errors.ts'
import type { Store } from '../ports/store/store.ts'
import { startServices } from '../runtime.ts'
import { processor } from '../definitions/processor.ts'
import { projection } from '../definitions/projection/projection.ts'
import { Order, order, shelf, shop } from '../test-support/fulfilment.ts'
import { until } from '../test-support/servers/until.ts'
import { untilProcessed } from '../test-support/until-processed.ts'
import { runVerb } from '../test-support/run-verb.ts'
import { freePort } from '../test-support/servers/free-port.ts'
import { readConfig } from '../config.ts'
import { whyVerb } from './why.ts'

/** Nobody serves here. */
const PORT = String(freePort())

const why = (store: Store, words: readonly string[] = [], json = false) =>
  runVerb(whyVerb, { store, serve: shop, words, json, config: readConfig({ PORT }) })

/** A log with events that the process of the shop has handled, or not, on a clock that can be moved. */
async function openShop({ isHandled = true } = {}) {
  let now = Date.parse('2026-01-31T12:00:00Z')
  const store = memory({ now: () => now })
  const served = isHandled ? shop : shop.slice(0, 3)
  const emaki = await startServices({ serve: served, store, now: () => now })
  const sent = await emaki.send(shelf.fill('a', { qty: 1 }))
  if (isHandled) await emaki.waitUntilProcessed((sent as { readonly position: number }).position)
  await emaki.close()
  const advance = (ms: number) => {
    now += ms
  }
  return { store, advance, emaki }
}

test('why says that nothing stands still, and ends with 0, while all events are handled', async () => {
  const { store } = await openShop()
  expect(await why(store, ['fulfilment'])).toMatchObject({ code: 0, out: 'nothing stands still\n' })
})

test('why names a process that nobody runs, since when and what mends it, and ends with 1', async () => {
  const { store, advance } = await openShop({ isHandled: false })
  const emaki = await startServices({ serve: shop.slice(0, 3), store })
  await emaki.send(order.place('o1', { skus: [], cents: 5 }))
  await emaki.close()
  expect((await why(store)).code).toBe(0)
  advance(2_000)
  const { code, out } = await why(store)
  expect(code).toBe(1)
  expect(out).toBe(
    [
      'No process runs process_fulfilment; 2 events wait.',
      '  nobody, since 2026-01-31T12:00:00.000Z',
      '  → Start a process of the release that has it: `emaki serve`.\n',
    ].join('\n'),
  )
  expect(JSON.parse((await why(store, [], true)).out)).toMatchObject({
    stalls: [{ cause: 'nobody', subject: 'process_fulfilment', chain: [] }],
  })
})

test('why tells a lease whose owner has died from one whose owner lives and does not move', async () => {
  const { store, advance } = await openShop({ isHandled: false })
  await store.readModel.acquire('process_fulfilment', { owner: '12.0198', ttlMs: 5_000, start: 0 })
  advance(2_400)
  expect((await why(store)).out).toContain('12.0198 runs it, is alive, and has had the event at 1 (Filled of shelf-a)')
  advance(200)
  expect((await why(store)).out).toContain('Another process may take the lease in 2.4 s.')
  advance(3_000)
  expect((await why(store)).out).toContain('the lease of 12.0198 ended 600 ms ago, and nobody has taken it')
})

test('why names what is paused, what is parked, and what is past the end of a restored log', async () => {
  const { store, emaki } = await openShop()
  await emaki.pause('fulfilment')
  expect((await why(store)).out).toContain('→ Run `emaki resume fulfilment`.')
  await emaki.resume('fulfilment')
  const { epoch, position } = (await store.readModel.acquire('process_fulfilment', { owner: 'x', ttlMs: 1, start: 0 }))!
  const page = { name: 'process_fulfilment', epoch, from: position, to: 9, ttlMs: 1, rows: [], unpark: [], park: [] }
  const parked = { kind: 'key', key: 'o1', position: 1, cause: 'Error: no luck' } as const
  await store.readModel.commit({ ...page, to: position, park: [parked] })
  expect((await why(store)).out).toContain('key "o1" of process_fulfilment is parked at the event at 1: Error: no luck')
  await store.readModel.commit({ ...page, from: position })
  expect((await why(store)).out).toContain('process_fulfilment is at 9, and the log ends at 1')
})

test('why shows who blocks whom as a table, and of a store that cannot be opened it says so', async () => {
  const { store } = await openShop()
  const ours = { pid: 2, application: 'emaki web:7 writer', isOurs: true, state: 'active', waitsFor: 'Lock:advisory' }
  const held = { query: 'select append', stateMs: 1_400, waitMs: 1_400, holdsLog: false, waitsForLog: true, blockedBy: [1] }
  const psql = { pid: 1, application: 'psql', isOurs: false, state: null, waitsFor: null, query: null, stateMs: null }
  const sessions = [
    { ...psql, waitMs: null, holdsLog: true, waitsForLog: false, blockedBy: [] },
    { ...ours, ...held },
  ]
  const grant = 'grant pg_read_all_stats to "app"'
  const held_ = { ...store, readWaits: async () => ({ sessions, grant, wal: null }) }
  const { code, out } = await why(held_)
  expect([
    code,
    out
      .split('\n')
      .slice(2, 5)
      .map(line => line.trim().split(/ {2,}/)),
  ]).toEqual([
    1,
    [
      ['PID', 'NAME', 'STATE', 'FOR', 'WAITS FOR', 'STATEMENT'],
      ['1', 'psql', 'hidden', '—', '—', 'hidden'],
      ['2', 'emaki web:7 writer', 'active', '1.4 s', 'Lock:advisory', 'select append'],
    ],
  ])
  expect(out).toContain(grant)
  const closed = { ...held_, open: () => Promise.reject(new StoreError('unavailable', 'too many connections')) }
  const unopened = await why(closed, ['fulfilment'])
  expect(unopened.out).toContain('psql (pid 1')
  expect(unopened.out).toContain('The store takes no statements: too many connections')
})

test('why refuses a name that nothing has, and names what is nearest', async () => {
  const { store } = await openShop()
  await expect(why(store, ['fulfillment'])).rejects.toThrow('did you mean fulfilment')
})

test('why names a table that is being filled, what serves meanwhile, and later no table of an earlier version', async () => {
  const { store, advance } = await openShop()
  const version = (one: number) =>
    projection('places', { from: Order, version: one, row: z.object({}), initial: {}, evolve: { Placed: row => row } })
  const first = await startServices({ serve: [order, version(1)], store })
  const sent = await first.send(order.place('o1', { skus: [], cents: 5 }))
  await untilProcessed(first, (sent as { readonly position: number }).position)
  await until('it serves', async () => (await store.readModel.serving('places')) === 'places_v1')
  await first.close()
  await store.readModel.prepare([{ name: 'places_v2', indexes: [] }])
  const { epoch } = (await store.readModel.acquire('places_v2', { owner: 'me', ttlMs: 600_000, start: 0 }))!
  const asked = { store, serve: [order, version(2)], config: readConfig({ PORT }) }
  const { out } = await runVerb(whyVerb, asked)
  expect(out).toContain('places_v2 is being filled, and is at 0 of 2; places_v1 serves meanwhile.')
  const page = { name: 'places_v2', epoch, from: 0, to: 2, ttlMs: 600_000, rows: [], park: [], unpark: [] }
  expect([await store.readModel.commit(page), await store.readModel.serve('places', 'places_v2')]).toEqual([true, true])
  const second = await startServices({ serve: [order], store })
  await second.send(order.place('o2', { skus: [], cents: 5 }))
  await second.close()
  advance(60_000)
  const later = JSON.parse((await runVerb(whyVerb, { ...asked, json: true })).out) as { stalls: { subject: string }[] }
  expect(later.stalls.map(({ subject }) => subject)).toEqual(['places_v2'])
})

test('why names a receiver that is away, by the key that waits for it and the time of the next try', async () => {
  const { store } = await openShop()
  const mails = processor('mails', {
    from: Order,
    start: 'now',
    handle: () => {
      throw new Error('the mail server is away')
    },
  })
  const emaki = await startServices({ serve: [order, mails], store, report: () => {} })
  await emaki.send(order.place('o1', { skus: [], cents: 5 }))
  await until('it is in retry', async () => (await store.readModel.parked('mails')).length === 1)
  const { out } = await runVerb(whyVerb, { store, serve: [order, mails], config: readConfig({ PORT }) })
  expect(out).toMatch(/key "order-o1" of mails is tried again and again, the next time within .*: Error: the mail server is away/)
  await emaki.close()
})
