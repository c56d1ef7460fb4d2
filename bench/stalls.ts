// The longest time for which the event loop is held, in ms: `bun bench/stalls.ts [events]`.
// The work in units between two turns is bounded by tests; here a clock shows what that is on this machine.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decider, events, memory, projection, runtime, type Store } from 'emaki'
import { postgres } from 'emaki/postgres'
import { sqlite } from 'emaki/sqlite'
import { z } from 'zod'
import { startPostgres } from '../src/test-support/servers/postgres.ts'
import { SETTINGS } from './settings.ts'

const EVENTS = Number(process.argv[2] ?? 400_000)
const SEEDED_AT_ONCE = 1_000
const PROJECTIONS = 4
const TIMEOUT_MS = 600_000
const HELD_MS_MAX = 50

const Order = events('order', { Placed: z.object({ note: z.string(), total: z.int() }), Paid: z.object({}) })
const order = decider(Order, {
  initial: {},
  evolve: { Placed: s => s, Paid: s => s },
  commands: { slow: z.object({ ms: z.int() }), place: z.object({ times: z.int() }) },
  decide: {
    slow: (_, { ms }) => {
      for (const until = performance.now() + ms; performance.now() < until; );
      return Order.Paid({})
    },
    place: (_, { times }) => Array.from({ length: times }, (_, i) => Order.Placed({ note: 'x'.repeat(200), total: i })),
  },
  expose: z.object({}),
})
const buildOrders = (name: string) =>
  projection(name, {
    from: Order,
    row: z.object({ note: z.string(), total: z.int(), paid: z.boolean() }),
    initial: { note: '', total: 0, paid: false },
    key: { Placed: ({ total }, { stream }) => `${stream}-${Math.floor(total / 5)}` },
    evolve: { Placed: (row, { note, total }) => ({ ...row, note, total: row.total + total }), Paid: () => null },
    indexes: ['total'],
  })

/**
 * Measures the longest time between two turns of the event loop. On a machine that is busy otherwise, look at the time
 * of the processor: it counts no wait for it, though it counts what the collector's threads do.
 */
async function measureLongest(run: () => Promise<unknown>): Promise<string> {
  const cpuMs = () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1_000
  }
  let [longest, longestCpu, over] = [0, 0, 0]
  let [at, cpuAt] = [performance.now(), cpuMs()]
  const began = at
  const turn = () => {
    const [now, cpuNow] = [performance.now(), cpuMs()]
    longest = Math.max(longest, now - at)
    longestCpu = Math.max(longestCpu, cpuNow - cpuAt)
    if (cpuNow - cpuAt > HELD_MS_MAX) over++
    at = now
    cpuAt = cpuNow
    turning = setImmediate(turn)
  }
  let turning = setImmediate(turn)
  await run()
  turn()
  clearImmediate(turning)
  const seconds = ((performance.now() - began) / 1_000).toFixed(1)
  return `${longest.toFixed(0)} ms at most, ${longestCpu.toFixed(0)} ms of the processor, ${over} above ${HELD_MS_MAX}, in ${seconds} s`
}

async function measure(name: string, open: () => Store): Promise<void> {
  const show = async (what: string, run: () => Promise<unknown>) => console.log(`${name} ${what}: ${await measureLongest(run)}`)
  let emaki = await runtime({ serve: [order], store: open() })
  await show(`${EVENTS} events appended`, async () => {
    for (let i = 0; i < EVENTS / SEEDED_AT_ONCE; i++) await emaki.send(order.place(`o${i}`, { times: SEEDED_AT_ONCE }))
  })
  await show('20 decisions of 200 ms', () =>
    Promise.all(Array.from({ length: 20 }, (_, i) => emaki.send(order.slow(`s${i}`, { ms: 200 })))),
  )
  await emaki.close()
  for (const many of [1, PROJECTIONS]) {
    const served = Array.from({ length: many }, (_, i) => buildOrders(`orders${many}x${i}`))
    const store = open()
    await show(`${many} projections catch up`, async () => {
      emaki = await runtime({ serve: [order, ...served], store })
      if (!(await emaki.waitUntilProcessed(EVENTS, undefined, TIMEOUT_MS))) throw new Error('the projections did not catch up')
    })
    await emaki.close()
  }
}

const folder = mkdtempSync(join(tmpdir(), 'emaki-stalls-'))
await using server = await startPostgres({ settings: SETTINGS })
const url = await server.createDatabase('stalls')
const log = memory()
const stores: Readonly<Record<string, () => Store>> = {
  memory: () => log,
  sqlite: () => sqlite(join(folder, 'log.db')),
  postgresql: () => postgres(url),
}
const asked = process.argv.slice(3)
for (const [name, open] of Object.entries(stores)) if (!asked.length || asked.includes(name)) await measure(name, open)
rmSync(folder, { recursive: true })
