import { afterEach, beforeEach, expect, jest, test } from 'bun:test'
import { settleOrAbort, settleWithin } from './deadline.ts'

beforeEach(() => void jest.useFakeTimers())
afterEach(() => void jest.useRealTimers())
const buildLateError = () => new Error('late')

test('a deadline gives what comes in time, or what it failed with, and leaves no timer behind', async () => {
  expect(await settleWithin(100, Promise.resolve(1), buildLateError)).toBe(1)
  await expect(settleWithin(100, Promise.reject(new Error('failed')), buildLateError)).rejects.toThrow('failed')
  expect(jest.getTimerCount()).toBe(0)
})

test('a deadline rejects what takes longer', async () => {
  const waiting = settleWithin(100, Promise.withResolvers<void>().promise, buildLateError)
  jest.advanceTimersByTime(100)
  await expect(waiting).rejects.toThrow('late')
})

test('a promise is awaited until it settles, or until a signal aborts', async () => {
  const never = Promise.withResolvers<void>().promise
  const over = new AbortController()
  await settleOrAbort(Promise.resolve(1), over.signal)
  await expect(settleOrAbort(Promise.reject(new Error('failed')), over.signal)).rejects.toThrow('failed')
  const waiting = settleOrAbort(never, over.signal)
  over.abort()
  await waiting
  await settleOrAbort(never, over.signal)
})
