// A store keeps the newest snapshot of each stream and fold. A runtime reads only snapshots of its own fold.
import { expect } from 'bun:test'
import fc from 'fast-check'
import { z } from 'zod'
import { type DeciderSpec, decider } from '../../../definitions/decider/decider.ts'
import { fold } from '../../../definitions/decider/fold.ts'
import { factOf } from '../../../definitions/event/read.ts'
import { runtime } from '../../../runtime.ts'
import { events, spec } from '../../../definitions/event/events.ts'
import { upcast } from '../../../definitions/event/upcast.ts'
import { until } from '../../../test-support/servers/until.ts'
import type { Store } from '../store.ts'
import type { StoreCase } from './case.ts'
import { appendUnit, newEvent, unit } from './builders.ts'

export const snapshots: readonly StoreCase[] = [
  {
    title: 'takes up a snapshot only of the fold asked for, and only where it is newer than what is known',
    run: async ({ store, reopen }) => {
      await appendUnit(store, unit('s-1', 0, [newEvent(1), newEvent(2), newEvent(3)]))
      const state = { text: '絵巻 \u0000 \' " \\ $$', list: [1, null, { a: [] }] }
      await store.saveSnapshots([{ stream: 's-1', fold: 2, version: 2, state: JSON.stringify(state) }])
      const reopened = await reopen()
      const load = async (after: number, snapshot?: number) =>
        (await reopened.load([{ stream: 's-1', after, snapshot }], [])).streams[0]!
      expect(await load(0, 2)).toMatchObject({ snapshot: { version: 2, state }, version: 3, position: 3, more: false })
      expect((await load(0, 2)).facts.map(({ data }) => data)).toEqual([3])
      for (const [after, snapshot] of [[0, 1], [0, 3], [0, undefined], [2, 2], [3, 2]] as const) // biome-ignore format: one table
        expect(await load(after, snapshot)).toMatchObject({ snapshot: null, facts: { length: 3 - after } })
    },
  },
  {
    title: 'never puts an older snapshot over a newer one, and deletes those of other folds that are not newer',
    run: async ({ store }) => {
      await appendUnit(
        store,
        unit(
          's-1',
          0,
          Array.from({ length: 9 }, (_, i) => newEvent(i)),
        ),
      )
      const save = (fold: number, version: number) =>
        store.saveSnapshots([{ stream: 's-1', fold, version, state: JSON.stringify({ version }) }])
      const load = async (snapshot: number) =>
        (await store.load([{ stream: 's-1', after: 0, snapshot }], [])).streams[0]!.snapshot
      await save(1, 5)
      await save(1, 3)
      expect(await load(1)).toEqual({ version: 5, state: { version: 5 } })
      await save(2, 4)
      expect([await load(1), await load(2)]).toEqual([5, 4].map(version => ({ version, state: { version } })))
      await save(2_147_483_647, 4)
      expect(await load(2)).toBeNull()
      await save(2_147_483_647, 7)
      expect([await load(1), await load(2)]).toEqual([null, null])
      expect(await load(2_147_483_647)).toEqual({ version: 7, state: { version: 7 } })
      await store.saveSnapshots([])
    },
  },
  {
    title: 'gives a state folded from a snapshot and what came after it equal to the state folded from all',
    run: async ({ store, reopen }, share = 1) => {
      let runs = 0
      const writing = await runtime({ serve: [ledger], store })
      const streams: { readonly id: string; readonly commands: number }[] = []
      await fc.assert(
        fc.asyncProperty(fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 3, maxLength: 12 }), async amounts => {
          const id = `l${runs++}`
          streams.push({ id, commands: amounts.length })
          for (const amount of amounts)
            expect(await writing.send(ledger.book(id, { amount }))).toMatchObject({ outcome: 'accepted' })
          await until('the snapshot is saved', async () => (await snapshotVersion(store, id)) === lastSnapshot(amounts.length))
        }),
        { numRuns: Math.ceil(15 * share) },
      )
      await writing.close()
      const reopened = await reopen()
      const reading = await runtime({ serve: [ledger], store: reopened })
      for (const { id, commands } of streams) {
        const stored = await reopened.read(`ledger-${id}`, { after: 0, limit: 1_000 })
        const facts = stored.map(event => factOf(event, false))
        const whole = fold(ledger[spec], `ledger-${id}`, { state: ledger[spec].initial, version: 0 }, facts)
        expect(await reading.state('ledger', id)).toMatchObject({ state: whole.state, version: commands })
        // The one who decides next starts from the snapshot too, and leaves the log as if there were none.
        const sent = await reading.send(ledger.book(id, { amount: 1 }))
        expect(sent).toMatchObject({ outcome: 'accepted', version: commands + 1, events: [{ data: { total: commands + 1 } }] })
        await until('the snapshot is saved', async () => (await snapshotVersion(reopened, id)) === lastSnapshot(commands + 1))
      }
      await reading.close()
    },
  },
  {
    title: 'folds all events anew where a snapshot was folded before an upcast of its events',
    run: async ({ store, reopen }) => {
      const before = await runtime({ serve: [euros], store })
      for (const amount of [1, 2, 1]) await before.send(euros.pay('p', { amount }))
      await until('the snapshot is saved', async () => (await pursesSaved(store, euros)) === 3)
      await before.send(euros.pay('p', { amount: 1 }))
      await before.close()
      const reopened = await reopen()
      const after = await runtime({ serve: [cents], store: reopened })
      expect(await after.state('purse', 'p')).toMatchObject({ state: { sum: 500 }, version: 4 })
      for (const cents_ of [10, 20]) await after.send(cents.pay('p', { cents: cents_ }))
      expect(await after.state('purse', 'p')).toMatchObject({ state: { sum: 530 }, version: 6 })
      await until('the snapshot is replaced', async () => (await pursesSaved(reopened, cents)) === 6)
      expect(await pursesSaved(reopened, euros)).toBe(0)
      await after.close()
    },
  },
]

const EVERY = 3

/** A ledger whose events tell what the state was when they were decided. */
const Ledger = events('ledger', { Booked: z.object({ amount: z.int(), total: z.int() }) })

const ledger = decider(Ledger, {
  initial: { total: 0, sum: 0, last: [] as readonly number[], open: { at: null as number | null } },
  evolve: {
    Booked: (s, { amount, total }) => ({
      total,
      sum: s.sum + amount,
      last: [...s.last, amount].slice(-3),
      open: { at: s.sum + amount > 0 ? total : null },
    }),
  },
  commands: { book: z.object({ amount: z.int() }) },
  decide: { book: (s, { amount }) => Ledger.Booked({ amount, total: s.total + 1 }) },
  snapshot: { every: EVERY },
})

const Euros = z.object({ amount: z.int() })
const Cents = z.object({ cents: z.int() })
const PaidEuros = events('purse', { Paid: Euros })
const PaidCents = events('purse', { Paid: upcast(Cents, Euros, ({ amount }) => ({ cents: amount * 100 })) })

/** A purse before and after its event changed. */
const euros = decider(PaidEuros, {
  initial: { sum: 0 },
  evolve: { Paid: (s, { amount }) => ({ sum: s.sum + amount }) },
  commands: { pay: Euros },
  decide: { pay: (_, data) => PaidEuros.Paid(data) },
  snapshot: { every: EVERY },
})
const cents = decider(PaidCents, {
  initial: { sum: 0 },
  evolve: { Paid: (s, { cents }) => ({ sum: s.sum + cents }) },
  commands: { pay: Cents },
  decide: { pay: (_, data) => PaidCents.Paid(data) },
  snapshot: { every: EVERY },
})

/** The version of the snapshot that a decider reads of the purse, 0: there is none. */
async function pursesSaved(store: Store, { [spec]: { snapshot } }: { readonly [spec]: DeciderSpec }): Promise<number> {
  const { streams } = await store.load([{ stream: 'purse-p', after: 0, snapshot: snapshot!.fold }], [])
  return streams[0]!.snapshot?.version ?? 0
}

function lastSnapshot(version: number): number {
  return version - (version % EVERY)
}

async function snapshotVersion(store: Store, id: string): Promise<number> {
  const { fold } = ledger[spec].snapshot!
  return (await store.load([{ stream: `ledger-${id}`, after: 0, snapshot: fold }], [])).streams[0]!.snapshot?.version ?? 0
}
