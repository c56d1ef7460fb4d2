import { describe, expect, test } from 'bun:test'
import type { Bus, Page } from './bus.ts'
import { busCases, busContract } from './contract/index.ts'
import type { TestedBus } from './contract/case.ts'
import { memoryBus } from './memory.ts'

const make = (): TestedBus => {
  const reported: unknown[] = []
  return { bus: memoryBus(error => void reported.push(error)), reported }
}

busContract('memoryBus()', make)

describe('planted bugs in buses', () => {
  const bugs: readonly (readonly [string, (bus: Bus) => Partial<Bus>, string])[] = [
    ['turns pages around', bus => ({ publish: page => bus.publish(page.toReversed()) }), 'in the order'],
    ['hands a page to the last listener only', keepLastListener, 'to each listener'],
    ['lets what a listener throws out', letErrorsOut, 'throws or rejects'],
    ['goes on calling who has ended', neverEnd, 'none that has ended'],
    ['calls later, in another context', publishLater, 'trace context'],
  ]
  for (const [bug, plant, caught] of bugs) {
    test(`the contract finds a bus that ${bug}`, async () => {
      const found = busCases.find(({ title }) => title.includes(caught))!
      const { bus, reported } = make()
      await found.run({ bus, reported })
      const other = make()
      const planted = Object.create(other.bus, Object.getOwnPropertyDescriptors(plant(other.bus))) as Bus
      await expect(found.run({ ...other, bus: planted })).rejects.toThrow()
    })
  }
})

function keepLastListener(bus: Bus): Partial<Bus> {
  let end = () => {}
  return {
    listen: listener => {
      end()
      end = bus.listen(listener)
      return end
    },
  }
}

function neverEnd(bus: Bus): Partial<Bus> {
  return {
    listen: listener => {
      bus.listen(listener)
      return () => {}
    },
  }
}

function letErrorsOut(): Partial<Bus> {
  const listeners = new Set<Parameters<Bus['listen']>[0]>()
  return {
    listen: listener => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    publish: page => listeners.forEach(listener => void listener(page)),
  }
}

function publishLater(bus: Bus): Partial<Bus> {
  const queue: Page[] = []
  const publish = () => {
    for (const page of queue.splice(0)) bus.publish(page)
  }
  return {
    publish: page => {
      // Only the first of a turn sets the task off, so that its context is that of all.
      if (queue.push(page) === 1) queueMicrotask(publish)
    },
  }
}
