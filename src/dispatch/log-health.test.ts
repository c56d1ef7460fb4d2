import { describe, expect, test } from 'bun:test'
import type { Notice } from '../ports/report/notice.ts'
import { StoreError } from '../ports/store/errors.ts'
import { memory } from '../ports/store/memory.ts'
import { type Fault, failingStore, failsBefore } from '../test-support/failing-store.ts'
import { LogHealth } from './log-health.ts'

const event = () => ({ id: Bun.randomUUIDv7(), type: 'T', schema: 's', data: '{}', meta: '{}' })
const write = () => [{ slices: [{ stream: 's-1', expect: 'any' as const, events: [event()] }], keys: [] }]
const readOnly: Fault = () => Promise.reject(new StoreError('unavailable', 'it is', { shown: 'the database is read-only' }))

function openHealth() {
  const store = failingStore(memory())
  const reported: string[] = []
  const health = new LogHealth(store, problem => reported.push((problem as Notice).code))
  return { store, reported, health, observed: health.observeAppends() }
}

describe('the health of a log', () => {
  test('the health of a log is good while it answers, without a trial', async () => {
    const { store, health, observed, reported } = openHealth()
    await observed.append(write())
    await health.check()
    expect([store.calls.ping, store.calls.append, reported]).toEqual([1, 1, []])
  })

  test.each(['unavailable', 'full', 'unknown'] as const)(
    'the health of a log whose appends are %s is bad until a trial succeeds, and is reported once with its end',
    async reason => {
      const { store, health, observed, reported } = openHealth()
      store.always('append', failsBefore(reason))
      for (let i = 0; i < 3; i++) await expect(observed.append(write())).rejects.toMatchObject({ reason })
      // It answers, and takes nothing.
      await expect(health.check()).rejects.toMatchObject({ reason })
      expect(reported).toEqual(['retry-began'])
      store.always('append', null)
      await health.check()
      expect(reported).toEqual(['retry-began', 'retry-ended'])
      const { append } = store.calls
      await health.check()
      expect(store.calls.append).toBe(append)
      expect(await store.inner.head()).toBe(0)
    },
  )

  test('the health of a log that does not answer is bad, and says why', async () => {
    const { store, health, reported } = openHealth()
    store.always('ping', readOnly)
    await expect(health.check()).rejects.toMatchObject({ shown: 'the database is read-only' })
    store.always('ping', null)
    await health.check()
    expect(reported).toEqual(['retry-began', 'retry-ended'])
  })

  test('the health of a log is not judged by units that it refuses, nor by those that only check', async () => {
    const { store, health, observed, reported } = openHealth()
    store.next('append', failsBefore('refused'))
    await expect(observed.append(write())).rejects.toMatchObject({ reason: 'refused' })
    await health.check()
    expect(reported).toEqual([])
    store.next('append', failsBefore('full'))
    await expect(observed.append(write())).rejects.toMatchObject({ reason: 'full' })
    await observed.append([{ slices: [{ stream: 's-1', expect: 0, events: [] }], keys: [] }])
    expect(reported).toEqual(['retry-began'])
  })

  test('the health of a log is watched every second, without a caller, until it is closed', async () => {
    const { store, health, reported } = openHealth()
    let tick = Promise.withResolvers<void>()
    const waits: number[] = []
    const ended = health.watch((ms, signal) => {
      waits.push(ms)
      signal.addEventListener('abort', () => tick.resolve())
      return tick.promise
    })
    const passSecond = async () => {
      const before = tick
      const many = waits.length
      tick = Promise.withResolvers()
      before.resolve()
      while (waits.length === many) await new Promise(resolve => setImmediate(resolve))
    }
    store.always('ping', readOnly)
    await passSecond()
    await passSecond()
    expect(reported).toEqual(['retry-began'])
    store.always('ping', null)
    await passSecond()
    expect(reported).toEqual(['retry-began', 'retry-ended'])
    await ended()
    expect(new Set(waits)).toEqual(new Set([1_000]))
    expect(store.calls.ping).toBe(3)
  })
})
