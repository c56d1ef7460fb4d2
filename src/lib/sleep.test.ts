import { afterEach, beforeEach, expect, jest, test } from 'bun:test'
import { sleep } from './sleep.ts'

beforeEach(() => void jest.useFakeTimers())
afterEach(() => void jest.useRealTimers())

test('sleep lasts as long as it is told to', async () => {
  const sleeping = sleep(100, new AbortController().signal)
  jest.advanceTimersByTime(99)
  expect(Bun.peek.status(sleeping)).toBe('pending')
  jest.advanceTimersByTime(1)
  expect(Bun.peek.status(sleeping)).toBe('fulfilled')
  await sleeping
})

test('sleep is ended by its signal, leaves no timer behind, and does not begin after it', async () => {
  const stop = new AbortController()
  const sleeping = sleep(100, stop.signal)
  expect(jest.getTimerCount()).toBe(1)
  stop.abort()
  await sleeping
  await sleep(100, stop.signal)
  expect(jest.getTimerCount()).toBe(0)
})
