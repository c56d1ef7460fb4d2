import { afterEach, beforeEach, expect, jest, test } from 'bun:test'
import { limitConcurrency } from './semaphore.ts'

beforeEach(() => void jest.useFakeTimers())
afterEach(() => void jest.useRealTimers())

/** A task that says when it begins, and ends when it is told to. */
function tasks() {
  const begun: string[] = []
  const ends = new Map<string, PromiseWithResolvers<void>>()
  const task = (name: string) => () => {
    begun.push(name)
    const end = Promise.withResolvers<void>()
    ends.set(name, end)
    return end.promise
  }
  return { begun, task, end: (name: string) => ends.get(name)!.resolve(), fail: (name: string) => ends.get(name)!.reject(name) }
}

test('a semaphore runs so many at once, and the others in the order in which they came, whether those before fail or not', async () => {
  const { begun, task, end, fail } = tasks()
  const inTurn = limitConcurrency(2)
  const running = ['a', 'b', 'c', 'd'].map(name => inTurn(task(name)))
  expect(begun).toEqual(['a', 'b'])
  fail('b')
  await expect(running[1]).rejects.toBe('b')
  await Promise.resolve()
  expect(begun).toEqual(['a', 'b', 'c'])
  end('c')
  await running[2]
  await Promise.resolve()
  for (const name of ['a', 'd']) end(name)
  await Promise.all([running[0], running[3]])
  expect(begun).toEqual(['a', 'b', 'c', 'd'])
})

test('a semaphore rejects a caller that has waited for too long, and gives the place to the next', async () => {
  const { begun, task, end } = tasks()
  const inTurn = limitConcurrency(1)
  const first = inTurn(task('a'))
  const hasty = inTurn(task('b'), { waitMs: 100, lateError: () => new Error('late') })
  const patient = inTurn(task('c'))
  jest.advanceTimersByTime(100)
  await expect(hasty).rejects.toThrow('late')
  end('a')
  await first
  await Promise.resolve()
  end('c')
  await patient
  expect(begun).toEqual(['a', 'c'])
})
