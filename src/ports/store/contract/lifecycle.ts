// A store keeps its identity and its log when it is closed, opened again and restored.
import { expect } from 'bun:test'
import type { StoreCase } from './case.ts'
import { appendUnit, newEvent, newKey, readLog, slice, unit } from './builders.ts'

export const lifecycle: readonly StoreCase[] = [
  {
    title: 'has an identity that stays, and keeps what was answered',
    run: async ({ store, reopen }) => {
      const { id, epoch } = store.identity
      expect(id).toMatch(/^[0-9a-f-]{36}$/)
      expect(epoch).toBe(1)
      await appendUnit(store, { slices: [slice('s-1', 0, 2)], keys: [newKey('k', 's-1', 2, 2)] })
      const before = await readLog(store)
      const reopened = await reopen()
      expect(reopened.identity).toEqual({ id, epoch })
      expect(await readLog(reopened)).toEqual(before)
      expect((await reopened.load([], ['k'])).keys).toHaveLength(1)
      await appendUnit(reopened, unit('s-1', 2, [newEvent(3)]))
      expect(await reopened.head()).toBe(3)
    },
  },
  {
    title: 'has with each restore a later epoch, under which all that is there goes on',
    run: async ({ store, reopen }) => {
      await appendUnit(store, { ...unit('s-1', 0, [newEvent(1)]), keys: [newKey('k', 's-1', 1, 1)] })
      await store.saveSnapshots([{ stream: 's-1', fold: 1, version: 1, state: '{}' }])
      const { id, epoch } = store.identity
      expect(await store.beginEpoch()).toEqual({ epoch: epoch + 1, keys: 0, snapshots: 0, entries: 0 })
      expect(store.identity).toEqual({ id, epoch: epoch + 1 })
      await store.beginEpoch()
      const reopened = await reopen()
      expect(reopened.identity).toEqual({ id, epoch: epoch + 2 })
      await appendUnit(reopened, unit('s-1', 1, [newEvent(2)]))
      expect((await readLog(reopened)).map(({ position }) => position)).toEqual([1, 2])
      const { streams, keys } = await reopened.load([{ stream: 's-1', after: 0, snapshot: 1 }], ['k'])
      expect([streams[0]!.snapshot?.version, keys.length]).toEqual([1, 1])
    },
  },
  {
    title: 'answers a ping, and may be opened and closed again',
    run: async ({ store, reopen }) => {
      await store.ping()
      await store.open()
      const reopened = await reopen()
      await reopened.ping()
      await reopened.close()
      await reopened.close()
    },
  },
]
