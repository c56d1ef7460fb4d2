// What every bus promises, as cases that run on any of them.
import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, test } from 'bun:test'
import type { StoredEvent } from '../store/store.ts'
import type { Bus, Page } from './bus.ts'

/** A bus, and what it reported of listeners that failed. */
export type MadeBus = { readonly bus: Bus; readonly reported: readonly unknown[] }
export type BusCase = { readonly title: string; readonly run: (made: MadeBus) => Promise<void> }

/** Tests a bus: each case gets one of its own. */
export function busContract(name: string, make: () => MadeBus): void {
  describe(`${name} keeps the contract of a bus: it`, () => {
    for (const { title, run } of busCases) test(title, () => run(make()))
  })
}

export const busCases: readonly BusCase[] = [
  {
    title: 'hands each page to each listener, in the order in which they were published',
    run: async ({ bus }) => {
      const heard = [listening(bus), listening(bus)]
      for (const positions of [[1, 2], [3], [7, 8]]) bus.publish(page(...positions))
      await turn()
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
      await turn()
      expect(heard).toEqual([published])
    },
  },
  {
    title: 'tells nobody of what was published before',
    run: async ({ bus }) => {
      bus.publish(page(1))
      const { positions } = listening(bus)
      bus.publish(page(2))
      await turn()
      expect(positions).toEqual([2])
    },
  },
  {
    title: 'counts who listens, and calls nobody who has ended it',
    run: async ({ bus }) => {
      const [one, other] = [listening(bus), listening(bus)]
      expect(bus.listeners).toBe(2)
      one.end()
      one.end()
      expect(bus.listeners).toBe(1)
      bus.publish(page(1))
      await turn()
      expect([one.positions, other.positions]).toEqual([[], [1]])
    },
  },
  {
    title: 'goes on where a listener throws or rejects, which is reported',
    run: async ({ bus, reported }) => {
      const wrong = new Error('a bad listener')
      bus.listen(() => {
        throw wrong
      })
      // A function that promises something fits where one is asked for that gives nothing.
      bus.listen((() => Promise.reject(wrong)) as () => void)
      const { positions } = listening(bus)
      bus.publish(page(1))
      bus.publish(page(2))
      await turn()
      expect(positions).toEqual([1, 2])
      expect(reported).toEqual([wrong, wrong, wrong, wrong])
    },
  },
  {
    title: 'waits for no listener',
    run: async ({ bus }) => {
      bus.listen((() => new Promise(() => {})) as () => void)
      const { positions } = listening(bus)
      bus.publish(page(1))
      bus.publish(page(2))
      await turn()
      expect(positions).toEqual([1, 2])
    },
  },
  {
    title: 'lets a listener end itself, and begin others, while it is called',
    run: async ({ bus }) => {
      const begun: { positions: number[] }[] = []
      const end = bus.listen(() => {
        end()
        begun.push(listening(bus))
      })
      const { positions } = listening(bus)
      bus.publish(page(1))
      await turn()
      bus.publish(page(2))
      await turn()
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
      await turn()
      end()
      bus.publish(page(2))
      await turn()
      expect(heard).toEqual([1, 1, 2])
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
      await turn()
      expect(heard).toEqual(['first', 'second'])
    },
  },
]

/** What a listener hears. */
export function listening(bus: Bus): { readonly positions: number[]; readonly end: () => void } {
  const positions: number[] = []
  const end = bus.listen(page => positions.push(...page.map(({ position }) => position)))
  return { positions, end }
}

export function page(...positions: readonly number[]): Page {
  return positions.map(
    (position): StoredEvent => ({
      id: Bun.randomUUIDv7(),
      type: 'Done',
      schema: '',
      data: '{}',
      meta: '{}',
      stream: 'test-1',
      version: position,
      position,
      at: '2026-01-01T00:00:00.000Z',
    }),
  )
}

function turn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
