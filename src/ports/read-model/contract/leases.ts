// One owner at a time has the lease of a subscription.
import { expect } from 'bun:test'
import { PAUSED_OWNER } from '../leases.ts'
import type { ReadModelCase } from './case.ts'
import { CALLERS, TTL_MS, acquireLease, buildParked, commitPage, page } from './builders.ts'

export const leases: readonly ReadModelCase[] = [
  {
    title: 'gives a subscription that is new a start, and one that is not its checkpoint',
    run: async ({ readModel, reopen }) => {
      const lease = await acquireLease(readModel, 's', 'a', 41)
      expect(lease).toMatchObject({ name: 's', position: 41, takeovers: 0, suspect: null })
      await commitPage(readModel, page({ name: 's', epoch: lease.epoch, from: 41, to: 99 }))
      await readModel.release('s', lease.epoch)
      expect(await acquireLease(await reopen(), 's', 'b', 41)).toMatchObject({ position: 99, takeovers: 0, suspect: null })
    },
  },
  {
    title: `lets exactly one of ${CALLERS} take a lease`,
    run: async ({ readModel }) => {
      for (let round = 0; round < 3; round++) {
        const name = round < 2 ? 's' : 't'
        const found = await Promise.all(
          Array.from({ length: CALLERS }, (_, i) => readModel.acquire(name, { owner: `o${i}`, ttlMs: TTL_MS, start: 0 })),
        )
        const [lease, ...more] = found.filter(lease => lease !== null)
        expect(more).toEqual([])
        await readModel.release(name, lease!.epoch)
      }
    },
  },
  {
    title: 'refuses a lease to another until its time is over, or it is given back, and gives it to its owner again',
    run: async ({ readModel, advance }) => {
      const first = await acquireLease(readModel, 's', 'a')
      expect(await readModel.acquire('s', { owner: 'b', ttlMs: TTL_MS, start: 0 })).toBeNull()
      await advance(TTL_MS - 5_000)
      expect(await readModel.acquire('s', { owner: 'b', ttlMs: TTL_MS, start: 0 })).toBeNull()
      await advance(5_001)
      const second = await acquireLease(readModel, 's', 'b')
      expect(second.epoch).toBeGreaterThan(first.epoch)
      await readModel.release('s', first.epoch)
      expect(await readModel.acquire('s', { owner: 'c', ttlMs: TTL_MS, start: 0 })).toBeNull()
      await readModel.release('s', second.epoch)
      const third = await acquireLease(readModel, 's', 'c')
      expect((await acquireLease(readModel, 's', 'c')).epoch).toBeGreaterThan(third.epoch)
    },
  },
  {
    title: 'tells which owner has which lease and for how long, those whose time is over too, but none that was given back',
    run: async ({ readModel, advance }) => {
      expect(await readModel.leases()).toEqual([])
      const one = await acquireLease(readModel, 's', 'a')
      const other = await acquireLease(readModel, 'r', 'b')
      const held = await readModel.leases()
      expect(held).toMatchObject([
        { name: 'r', owner: 'b', epoch: other.epoch },
        { name: 's', owner: 'a', epoch: one.epoch },
      ])
      for (const { leftMs } of held) expect(leftMs > 0 && leftMs <= TTL_MS).toBeTrue()
      await advance(TTL_MS)
      await readModel.release('r', other.epoch)
      const [over, ...none] = await readModel.leases()
      expect([over, none]).toEqual([{ name: 's', owner: 'a', epoch: one.epoch, leftMs: expect.any(Number) }, []])
      expect(over!.leftMs).toBeLessThanOrEqual(0)
    },
  },
  {
    title: 'prolongs a lease, by itself or with a page, until it is taken over or given back',
    run: async ({ readModel, advance }) => {
      const { epoch } = await acquireLease(readModel, 's', 'a')
      const acquireAsOther = () => readModel.acquire('s', { owner: 'b', ttlMs: TTL_MS, start: 0 })
      await advance(TTL_MS - 5_000)
      expect(await readModel.renew('s', epoch, TTL_MS)).toBeTrue()
      await advance(TTL_MS - 5_000)
      expect(await acquireAsOther()).toBeNull()
      await commitPage(readModel, page({ name: 's', epoch }))
      await advance(TTL_MS - 5_000)
      expect(await acquireAsOther()).toBeNull()
      await advance(TTL_MS)
      expect(await readModel.renew('s', epoch, TTL_MS)).toBeTrue()
      expect(await acquireAsOther()).toBeNull()
      await advance(TTL_MS + 1)
      const taken = (await acquireAsOther())!
      expect(await readModel.renew('s', epoch, TTL_MS)).toBeFalse()
      await readModel.release('s', taken.epoch)
      expect(await readModel.renew('s', taken.epoch, TTL_MS)).toBeFalse()
      expect(await readModel.renew('never was', 1, TTL_MS)).toBeFalse()
    },
  },
  {
    title: 'keeps a lease that is prolonged by a hundred years, until it is given back by its epoch',
    run: async ({ readModel, advance }) => {
      const { epoch } = await acquireLease(readModel, 's', 'a')
      const century = 100 * 365 * 86_400_000
      expect(await readModel.renew('s', epoch, century)).toBeTrue()
      await advance(30 * 86_400_000)
      expect(await readModel.acquire('s', { owner: 'b', ttlMs: TTL_MS, start: 0 })).toBeNull()
      const [held] = await readModel.leases()
      expect(held!.leftMs).toBeGreaterThan(century / 2)
      await readModel.release('s', held!.epoch)
      expect(await acquireLease(readModel, 's', 'b')).toMatchObject({ takeovers: 0 })
    },
  },
  {
    title: 'pauses a subscription with a page or not at all, for ever, and takes the lease from its owner',
    run: async ({ readModel, advance, reopen }) => {
      const { epoch } = await acquireLease(readModel, 's', 'a')
      expect(await readModel.commit(page({ name: 's', epoch, from: 5, pauses: true }))).toBeFalse()
      expect(await readModel.renew('s', epoch, TTL_MS)).toBeTrue()
      await readModel.suspect('s', epoch, { position: 7, key: 'k', times: 1 })
      await commitPage(readModel, page({ name: 's', epoch, park: [buildParked('k')], pauses: true }))
      expect(await readModel.parked('s')).toMatchObject([{ key: 'k' }])
      expect(await readModel.renew('s', epoch, TTL_MS)).toBeFalse()
      await readModel.release('s', epoch)
      expect(await readModel.commit(page({ name: 's', epoch, from: 10, to: 20 }))).toBeFalse()
      await advance(30 * 86_400_000)
      const again = await reopen()
      for (const owner of ['a', 'b']) expect(await again.acquire('s', { owner, ttlMs: TTL_MS, start: 0 })).toBeNull()
      const [held] = await again.leases()
      expect(held).toMatchObject({ name: 's', owner: PAUSED_OWNER })
      await again.release('s', held!.epoch)
      expect(await acquireLease(again, 's', 'b')).toMatchObject({ position: 10, takeovers: 0, suspect: null })
    },
  },
  {
    title: 'pauses a subscription whose lease was just given back, and not one that another owner has taken',
    run: async ({ readModel }) => {
      const { epoch } = await acquireLease(readModel, 's', 'a')
      await readModel.release('s', epoch)
      await commitPage(readModel, page({ name: 's', epoch, pauses: true }))
      const [held] = await readModel.leases()
      await readModel.release('s', held!.epoch)
      const other = await acquireLease(readModel, 's', 'b')
      expect(await readModel.commit(page({ name: 's', epoch: held!.epoch, from: 10, to: 20, pauses: true }))).toBeFalse()
      expect(await readModel.renew('s', other.epoch, TTL_MS)).toBeTrue()
    },
  },
  {
    title: 'leaves a lease that was given back to the next owner, though a page of its last owner comes late',
    run: async ({ readModel }) => {
      const { epoch } = await acquireLease(readModel, 's', 'a')
      await readModel.release('s', epoch)
      await commitPage(readModel, page({ name: 's', epoch }))
      expect(await acquireLease(readModel, 's', 'b')).toMatchObject({ position: 10 })
    },
  },
  {
    title: 'says whether a lease was taken over from another owner that did not give it back, wherever its checkpoint is',
    run: async ({ readModel, advance }) => {
      const first = await acquireLease(readModel, 's', 'a')
      await commitPage(readModel, page({ name: 's', epoch: first.epoch }))
      await advance(TTL_MS + 1)
      const second = await acquireLease(readModel, 's', 'b')
      await advance(TTL_MS + 1)
      const again = await acquireLease(readModel, 's', 'b')
      await readModel.release('s', again.epoch)
      const last = await acquireLease(readModel, 's', 'c')
      expect([first, second, again, last].map(({ isTakeover }) => isTakeover)).toEqual([false, true, false, false])
    },
  },
  {
    title: 'counts how often a lease was taken over, not given back, at one checkpoint',
    run: async ({ readModel, advance }) => {
      const counted: number[] = []
      const take = async (owner: string) => {
        await advance(TTL_MS + 1)
        const lease = await acquireLease(readModel, 's', owner)
        counted.push(lease.takeovers)
        return lease
      }
      await take('a')
      await take('b')
      const third = await take('c')
      await commitPage(readModel, page({ name: 's', epoch: third.epoch }))
      await take('d')
      const fifth = await take('e')
      await readModel.release('s', fifth.epoch)
      await take('f')
      await take('g')
      // Its own lease, which it takes again after the database was away.
      await take('g')
      await take('h')
      expect(counted).toEqual([0, 1, 2, 0, 1, 0, 1, 1, 2])
    },
  },
  {
    title: 'tells the next owner what the last one was about to do, until that is done or given back',
    run: async ({ readModel, advance }) => {
      const take = async (owner: string) => {
        await advance(TTL_MS + 1)
        return acquireLease(readModel, 's', owner)
      }
      const first = await take('a')
      expect(await readModel.suspect('s', first.epoch, { position: 5, key: 'o1', times: 2 })).toBeTrue()
      const second = await take('b')
      expect(second.suspect).toEqual({ position: 5, key: 'o1', times: 2 })
      expect(await readModel.suspect('s', first.epoch, { position: 6, key: null, times: 1 })).toBeFalse()
      const third = await take('c')
      expect(third.suspect).toEqual({ position: 5, key: 'o1', times: 2 })
      await commitPage(readModel, page({ name: 's', epoch: third.epoch, to: 4 }))
      const fourth = await take('d')
      expect(fourth.suspect).toEqual({ position: 5, key: 'o1', times: 2 })
      await commitPage(readModel, page({ name: 's', epoch: fourth.epoch, from: 4, to: 5 }))
      const fifth = await take('e')
      expect(fifth.suspect).toBeNull()
      expect(await readModel.suspect('s', fifth.epoch, { position: 6, key: null, times: 1 })).toBeTrue()
      const sixth = await take('f')
      expect(sixth.suspect).toEqual({ position: 6, key: null, times: 1 })
      expect(await readModel.suspect('s', sixth.epoch, null)).toBeTrue()
      const seventh = await take('g')
      expect(seventh.suspect).toBeNull()
      await readModel.suspect('s', seventh.epoch, { position: 7, key: 'k', times: 1 })
      await readModel.release('s', seventh.epoch)
      expect((await take('h')).suspect).toBeNull()
    },
  },
]
