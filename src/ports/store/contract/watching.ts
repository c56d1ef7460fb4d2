// A store announces positions to those who watch it.
import { expect } from 'bun:test'
import { until } from '../../../test-support/servers/until.ts'
import type { StoreCase } from './case.ts'

export const watching: readonly StoreCase[] = [
  {
    title: 'tells watchers what is announced, until they have ended',
    run: async ({ store }) => {
      const heard: [number[], number[]] = [[], []]
      const ends = await Promise.all(heard.map(heard => store.watch(head => head && heard.push(head))))
      store.announce(7)
      await until('the announcement is heard', () => heard.every(heard => heard.includes(7)))
      await ends[0]!()
      store.announce(9)
      await until('the announcement is heard', () => heard[1].includes(9))
      expect(heard[0]).not.toContain(9)
      await ends[1]!()
    },
  },
  {
    title: 'closes under its watchers, and takes an announcement that nobody hears',
    run: async ({ store }) => {
      store.announce(1)
      const end = await store.watch(() => {})
      await store.close()
      store.announce(2)
      await end()
    },
  },
]
