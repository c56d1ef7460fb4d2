// A bus delivers every published page to every listener, in order.
import { expect } from 'bun:test'
import type { Page } from '../bus.ts'
import type { BusCase } from './case.ts'
import { listenTo, page, nextTurn } from './builders.ts'

export const delivery: readonly BusCase[] = [
  {
    title: 'hands each page to each listener, in the order in which they were published',
    run: async ({ bus }) => {
      const heard = [listenTo(bus), listenTo(bus)]
      for (const positions of [[1, 2], [3], [7, 8]]) bus.publish(page(...positions))
      await nextTurn()
      for (const { positions } of heard) expect(positions).toEqual([1, 2, 3, 7, 8])
    },
  },
  {
    title: 'hands on the events as they are',
    run: async ({ bus }) => {
      const heard: Page[] = []
      bus.listen(page => void heard.push(page))
      const published = page(1, 2)
      bus.publish(published)
      await nextTurn()
      expect(heard).toEqual([published])
    },
  },
  {
    title: 'gives a new listener no page that was published before',
    run: async ({ bus }) => {
      bus.publish(page(1))
      const { positions } = listenTo(bus)
      bus.publish(page(2))
      await nextTurn()
      expect(positions).toEqual([2])
    },
  },
]
