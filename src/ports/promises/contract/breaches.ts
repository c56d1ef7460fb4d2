// A breach is kept once, as it was found first, until all are forgotten.
import { expect } from 'bun:test'
import { BREACHES_MAX } from '../promises.ts'
import { breach, NOW } from './builders.ts'
import type { PromisesCase } from './case.ts'

export const breaches: readonly PromisesCase[] = [
  {
    title: 'give each breach as it was added, whatever its texts hold, the oldest first',
    run: async ({ promises }) => {
      const odd = breach(`o'brien "\\ ü 日本 {x},\n`, { message: "it's\nü", at: NOW + 1 })
      const old = breach('b', { promise: 'clock', foundBy: 'verify', at: NOW - 1 })
      for (const one of [odd, old]) expect(await promises.addBreach(one)).toBe(true)
      expect(await promises.breaches()).toEqual([old, odd])
    },
  },
  {
    title: 'keep a breach once for its promise and subject, as it was found first',
    run: async ({ promises }) => {
      const first = breach('a')
      expect(await promises.addBreach(first)).toBe(true)
      expect(await promises.addBreach(breach('a', { message: 'again', at: NOW + 1 }))).toBe(false)
      const other = breach('a', { promise: 'order', at: NOW + 2 })
      const added = await Promise.all([1, 2, 3].map(() => promises.addBreach(other)))
      expect(added.toSorted()).toEqual([false, false, true])
      expect(await promises.breaches()).toEqual([first, other])
    },
  },
  {
    title: 'keep a bounded number of breaches of a promise, and those of another one beside them',
    run: async ({ promises }) => {
      for (let i = 0; i < BREACHES_MAX; i++) await promises.addBreach(breach(`s${i}`))
      expect(await promises.addBreach(breach('one more'))).toBe(false)
      expect(await promises.addBreach(breach('one more', { promise: 'once' }))).toBe(true)
      expect((await promises.breaches()).length).toBe(BREACHES_MAX + 1)
    },
  },
  {
    title: 'forget all breaches, say how many, and keep the next one of the same subject',
    run: async ({ promises }) => {
      await promises.addBreach(breach('a'))
      await promises.addBreach(breach('b'))
      expect(await promises.forgetBreaches()).toBe(2)
      expect(await promises.forgetBreaches()).toBe(0)
      expect(await promises.breaches()).toEqual([])
      expect(await promises.addBreach(breach('a'))).toBe(true)
    },
  },
]
