// A listener harms neither the publisher nor another listener.
import { AsyncLocalStorage } from 'node:async_hooks'
import { expect } from 'bun:test'
import type { BusCase } from './case.ts'
import { listenTo, page, nextTurn } from './builders.ts'

export const isolation: readonly BusCase[] = [
  {
    title: 'goes on where a listener throws or rejects, which is reported',
    run: async ({ bus, reported }) => {
      const wrong = new Error('a bad listener')
      bus.listen(() => {
        throw wrong
      })
      // A function that promises something fits where one is asked for that gives nothing.
      bus.listen((() => Promise.reject(wrong)) as () => void)
      const { positions } = listenTo(bus)
      bus.publish(page(1))
      bus.publish(page(2))
      await nextTurn()
      expect(positions).toEqual([1, 2])
      expect(reported).toEqual([wrong, wrong, wrong, wrong])
    },
  },
  {
    title: 'waits for no listener',
    run: async ({ bus }) => {
      bus.listen((() => new Promise(() => {})) as () => void)
      const { positions } = listenTo(bus)
      bus.publish(page(1))
      bus.publish(page(2))
      await nextTurn()
      expect(positions).toEqual([1, 2])
    },
  },
  {
    title: "calls a listener in the publisher's trace context, and not in that of who began to listen",
    run: async ({ bus }) => {
      const context = new AsyncLocalStorage<string>()
      const heard: unknown[] = []
      context.run('listener', () => bus.listen(() => void heard.push(context.getStore())))
      context.run('first', () => bus.publish(page(1)))
      context.run('second', () => bus.publish(page(2)))
      await nextTurn()
      expect(heard).toEqual(['first', 'second'])
    },
  },
]
