// A tally of numbers by key, whose fold fails where it is told to, and processes that fold it on a store in memory.

import { z } from 'zod'
import type { Bus } from '../ports/bus/bus.ts'
import { memoryBus } from '../ports/bus/memory.ts'
import { events, spec } from '../definitions/event/events.ts'
import { fingerprint } from '../definitions/event/schema.ts'
import { type AnyProjection, projection, tableOf } from '../definitions/projection/projection.ts'
import type { ReadModel } from '../ports/read-model/read-model.ts'
import { StoreError } from '../ports/store/errors.ts'
import type { NewEvent } from '../ports/store/event.ts'
import type { Store } from '../ports/store/store.ts'
import { untraced } from '../ports/trace/trace.ts'
import { cleanUpLater } from './cleanup.ts'
import { Subscriptions } from '../subscription/subscriptions.ts'
import { tail } from '../subscription/tail.ts'

const Added = z.object({ to: z.array(z.string()), n: z.int() })

const Emptied = z.object({ from: z.string() })

const Tally = events('tally', { Added, Emptied })

/** Whether 13 can be folded, and what 16 does to the process that folds it. */
export const faults = { isMended: false, die: (): void => {} }

export const sums = projection('sums', {
  from: Tally,
  key: { Added: ({ to }) => to, Emptied: ({ from }) => from },
  row: z.object({ sum: z.int(), seen: z.array(z.int()) }),
  initial: { sum: 0, seen: [] },
  indexes: ['sum'],
  evolve: {
    Added: (row, { n }, { position }) => {
      if (n === 13 && !faults.isMended) throw new Error('thirteen')
      if (n === 16) faults.die()
      if (n === 14) return Promise.resolve(row) as never
      return { sum: n === 15 ? Number.NaN : row.sum + n, seen: [...row.seen, position] }
    },
    Emptied: () => null,
  },
})

export type TallyData = { readonly to: readonly string[]; readonly n: number } | { readonly from: string }

const fingerprints = { Added: fingerprint(Added), Emptied: fingerprint(Emptied) }

let count = 0

export async function appendTally(store: Store, ...said: readonly TallyData[]): Promise<number> {
  const events = said.map(data => {
    const type = 'to' in data ? 'Added' : 'Emptied'
    return { id: `e${count++}`, type, schema: fingerprints[type], data: JSON.stringify(data), meta: '{}' }
  })
  return appendEvents(store, nextStream(), events)
}

/** The stream to which so many events are appended next. */
export function nextStream(events = 0): string {
  return `tally-${(count + events) % 3}`
}

/** The processes of one log hear of what is appended over one bus. */
const buses = new Map<string, Bus>()

function busOf(store: Store): Bus {
  const bus = buses.get(store.identity.id) ?? memoryBus(() => {})
  buses.set(store.identity.id, bus)
  return bus
}

export async function appendEvents(store: Store, stream: string, events: readonly NewEvent[]): Promise<number> {
  const before = await store.head()
  await store.append([{ slices: [{ stream, expect: 'any', events }], keys: [] }])
  busOf(store).publish(await store.readAll({ after: before, limit: 1_000 }))
  return store.head()
}

/** The expected rows after a fold of the log up to a position, in the simplest code. */
export async function foldLog(store: Store, last: number): Promise<Record<string, { sum: number; seen: number[] }>> {
  const rows: Record<string, { sum: number; seen: number[] }> = {}
  for (const { data, position } of await store.readAll({ after: 0, until: last, limit: 100_000 })) {
    const said = JSON.parse(data) as TallyData
    if ('from' in said) delete rows[said.from]
    else
      for (const key of said.to) rows[key] = { sum: (rows[key]?.sum ?? 0) + said.n, seen: [...(rows[key]?.seen ?? []), position] }
  }
  return rows
}

export const table = { name: tableOf(sums[spec]), indexes: sums[spec].indexes }

export const rowsOf = async (store: Store) => {
  const { found, position } = await store.readModel.list(table, { where: [], sort: [], after: null, limit: 1_000 })
  return { rows: Object.fromEntries(found.map(({ key, data }) => [key, JSON.parse(data)])), found, position }
}

export type ProjectingProcess = {
  readonly subscriptions: Subscriptions
  readonly reported: unknown[]
  readonly kill: () => void
  readonly isDead: () => boolean
}

/** A process that folds. It can be killed: from then on nothing that it does reaches the store. */
export async function startProcess(store: Store, of: AnyProjection = sums, leaseMs = 1_000): Promise<ProjectingProcess> {
  let isDead = false
  const reported: unknown[] = []
  const report = (error: unknown) => void reported.push(error)
  const failAsKilled = () => Promise.reject(new StoreError('unavailable', 'the process was killed'))
  const guardCalls = <T extends object>(of: T): T =>
    new Proxy(of, {
      get: (target, name) => {
        const value = Reflect.get(target, name) as unknown
        if (name === 'readModel') return guardCalls(value as object)
        return typeof value === 'function' ? (...args: unknown[]) => (isDead ? failAsKilled() : value.apply(target, args)) : value
      },
    })
  const seen = guardCalls(store)
  const following = tail({ store: seen, bus: busOf(store), report })
  const options = {
    store: seen,
    tail: following,
    projections: [of[spec]],
    processors: [],
    sqlProjections: [],
    schedules: [],
    processes: [],
    send: async () => null,
    reads: () => ({}) as never,
    owner: Bun.randomUUIDv7(),
    leaseMs,
    report,
    now: Date.now,
  }
  const subscriptions = new Subscriptions({ ...options, onRowsChanged: null, onCheckpoint: () => {}, trace: untraced })
  await following.start()
  await subscriptions.start()
  const close = async () => {
    await subscriptions.close().catch(() => {})
    await following.close()
  }
  cleanUpLater(close)
  cleanUpLater(() => {
    faults.isMended = false
    faults.die = () => {}
  })
  const kill = () => {
    isDead = true
  }
  return { subscriptions, reported, kill, isDead: () => isDead }
}

/** A store some of whose read model is another. */
export function replaceReadModel(store: Store, own: Partial<ReadModel>): Store {
  return { ...store, readModel: { ...store.readModel, ...own } }
}
