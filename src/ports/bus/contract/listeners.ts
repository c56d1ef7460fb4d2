// Listeners begin and end at any time.
import { expect } from 'bun:test'
import type { Page } from '../bus.ts'
import type { BusCase } from './case.ts'
import { listenTo, page, nextTurn } from './builders.ts'

export const listeners: readonly BusCase[] = [
  {
    title: 'counts its listeners, and calls none that has ended',
    run: async ({ bus }) => {
      const [one, other] = [listenTo(bus), listenTo(bus)]
      expect(bus.listeners).toBe(2)
      one.end()
      one.end()
      expect(bus.listeners).toBe(1)
      bus.publish(page(1))
      await nextTurn()
      expect([one.positions, other.positions]).toEqual([[], [1]])
    },
  },
  {
    title: 'lets a listener end itself, and begin others, while it is called',
    run: async ({ bus }) => {
      const begun: { positions: number[] }[] = []
      const end = bus.listen(() => {
        end()
        begun.push(listenTo(bus))
      })
      const { positions } = listenTo(bus)
      bus.publish(page(1))
      await nextTurn()
      bus.publish(page(2))
      await nextTurn()
      expect([positions, begun.map(one => one.positions)]).toEqual([[1, 2], [[2]]])
    },
  },
  {
    title: 'calls a function that listens twice twice, until each has ended',
    run: async ({ bus }) => {
      const heard: number[] = []
      const listener = ([event]: Page) => void heard.push(event!.position)
      const end = bus.listen(listener)
      bus.listen(listener)
      bus.publish(page(1))
      await nextTurn()
      end()
      bus.publish(page(2))
      await nextTurn()
      expect(heard).toEqual([1, 1, 2])
    },
  },
]
