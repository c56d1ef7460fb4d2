// A read model knows how far each subscription is, and which table serves.
import { expect } from 'bun:test'
import type { ReadModelCase } from './case.ts'
import { TTL_MS, acquireLease, commitPage, orders, page, buildParked, row } from './builders.ts'
import { readEverything } from './pages.ts'

export const progress: readonly ReadModelCase[] = [
  {
    title: 'tells where subscriptions are, all or some, by name',
    run: async ({ readModel }) => {
      for (const [i, name] of ['b', 'a', 'C'].entries()) {
        const { epoch } = await acquireLease(readModel, name)
        await commitPage(readModel, page({ name, epoch, to: i + 1 }))
      }
      expect((await readModel.progress()).map(({ name, position }) => `${name} ${position}`)).toEqual(['C 3', 'a 2', 'b 1'])
      expect((await readModel.progress(['b', 'none', 'C'])).map(({ name }) => name)).toEqual(['C', 'b'])
      expect(await readModel.progress([])).toEqual([])
    },
  },
  {
    title: 'tells where a subscription began, however far it has moved, and whoever has it',
    run: async ({ readModel, reopen }) => {
      const { epoch } = await acquireLease(readModel, 'late', 'a', 41)
      await commitPage(readModel, page({ name: 'late', epoch, from: 41, to: 50 }))
      await readModel.release('late', epoch)
      await acquireLease(readModel, 'late', 'b', 7)
      await acquireLease(readModel, 'early', 'a')
      const expected = [
        ['early', 0],
        ['late', 41],
      ]
      expect((await readModel.progress()).map(({ name, start }) => [name, start])).toEqual(expected)
      await readModel.reset('late', 3)
      expect((await (await reopen()).progress()).map(({ name, start }) => [name, start])).toEqual(expected)
    },
  },
  {
    title: 'moves a subscription to a position with its table empty, and its owner loses it',
    run: async ({ readModel }) => {
      await readModel.prepare([orders])
      const { epoch } = await acquireLease(readModel, 'orders_v1', 'a')
      await commitPage(readModel, page({ epoch, rows: [row('o1', 1)], park: [buildParked('o1')] }))
      await readModel.suspect('orders_v1', epoch, { position: 11, key: null, times: 1 })
      await readModel.reset('orders_v1', 3)
      expect(await readEverything(readModel)).toMatchObject({ rows: [], parked: [], progress: [{ position: 3 }] })
      expect(await readModel.renew('orders_v1', epoch, TTL_MS)).toBeFalse()
      for (const from of [3, 10]) expect(await readModel.commit(page({ epoch, from, to: 20, rows: [row('z', 11)] }))).toBeFalse()
      const lease = await acquireLease(readModel, 'orders_v1', 'b')
      expect(lease).toMatchObject({ position: 3, takeovers: 0, suspect: null })
      await commitPage(readModel, page({ epoch: lease.epoch, from: 3, rows: [row('o1', 4)] }))
      await readModel.reset('new', 5)
      expect(await acquireLease(readModel, 'new', 'a', 1)).toMatchObject({ position: 5 })
    },
  },
  {
    title: 'refuses an owner that had a lease before a drop, though all begins anew',
    run: async ({ readModel }) => {
      await readModel.prepare([orders])
      const zombie = await acquireLease(readModel, 'orders_v1', 'a')
      await readModel.drop('orders_v1')
      await readModel.prepare([orders])
      expect(await readModel.commit(page({ epoch: zombie.epoch, rows: [row('z', 1)] }))).toBeFalse()
      await acquireLease(readModel, 'orders_v1', 'b')
      expect(await readModel.commit(page({ epoch: zombie.epoch, rows: [row('z', 1)] }))).toBeFalse()
      expect((await readModel.count(orders, [])).found).toBe(0)
    },
  },
  {
    title: 'lets a table serve that has come as far as the one before it, and no other',
    run: async ({ readModel, reopen }) => {
      const names = ['orders_v1', 'orders_v2']
      await readModel.prepare(names.map(name => ({ ...orders, name })))
      const leases = await Promise.all(names.map(name => acquireLease(readModel, name)))
      const move = (i: number, from: number, to: number) =>
        commitPage(readModel, page({ name: names[i]!, epoch: leases[i]!.epoch, from, to }))
      expect(await readModel.serve('orders', 'orders_v1')).toBeTrue()
      expect(await readModel.serving('orders')).toBe('orders_v1')
      await move(0, 0, 10)
      await move(1, 0, 9)
      expect(await readModel.serve('orders', 'orders_v2')).toBeFalse()
      expect(await readModel.serving('orders')).toBe('orders_v1')
      expect(await readModel.serve('orders', 'orders_v1')).toBeTrue()
      await move(1, 9, 10)
      expect(await readModel.serve('orders', 'orders_v2')).toBeTrue()
      await move(1, 10, 11)
      expect(await readModel.serve('orders', 'orders_v1')).toBeFalse()
      expect(await readModel.serve('orders', 'never_was')).toBeFalse()
      expect(await readModel.serving('customers')).toBeNull()
      expect(await (await reopen()).serving('orders')).toBe('orders_v2')
    },
  },
]
