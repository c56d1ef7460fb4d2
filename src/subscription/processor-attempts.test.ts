// One attempt of a handler, by a clock of the test's own.
import { expect, test } from 'bun:test'
import { z } from 'zod'
import { events, type Recorded, spec } from '../definitions/event/events.ts'
import { type Handling, processor } from '../definitions/processor.ts'
import type { Notice } from '../ports/report/notice.ts'
import type { StoredEvent } from '../ports/store/event.ts'
import { memory } from '../ports/store/memory.ts'
import { ProcessorAttempts, type Sleep } from './processor-attempts.ts'
import type { KeyedEvent } from './retry-queue.ts'

const Mail = events('mail', { Queued: z.object({}) })
type Handle = (events: readonly Recorded[], handling: Handling) => unknown
const never = new AbortController().signal

function startAttempts(handle: Handle, sleep: Sleep, attemptMs?: number) {
  const reported: Notice[] = []
  const mails = processor('mails', { from: Mail, handle: handle as never, parallelism: 2, ...(attemptMs && { attemptMs }) })
  const report = (problem: unknown) => void reported.push(problem as Notice)
  const attempts = new ProcessorAttempts(memory(), mails[spec], {
    send: async () => null,
    reads: () => ({}) as never,
    sleep,
    report,
    onStop: () => {},
  })
  return { reported, attempt: (key: string) => attempts.attempt(batchOf(key), 1, never) }
}

function batchOf(key: string): readonly KeyedEvent[] {
  return [{ key, part: 0, stored: { id: 'e1', position: 7 } as StoredEvent, event: { id: 'e1' } as Recorded }]
}

test('an attempt that never ends fails after its time, and its signal is aborted', async () => {
  const signals: AbortSignal[] = []
  const waits: number[] = []
  const handle: Handle = (_, { signal }) => {
    signals.push(signal)
    return new Promise(() => {})
  }
  const { attempt, reported } = startAttempts(handle, async ms => void waits.push(ms), 7_000)
  const message = 'Error: mails: the attempt did not end within 7000 ms'
  expect(String(await attempt('a'))).toBe(message)
  expect([waits, signals.map(({ reason }) => String(reason)), reported]).toEqual([[7_000], [message], []])
})

test('an attempt that takes 10 s is reported once for its key, until one of the key ends sooner', async () => {
  const waits: number[] = []
  let isHung = true
  const sleep: Sleep = async (ms, signal) => {
    waits.push(ms)
    // The clock of an attempt that ends is over only after it.
    if (!isHung) await new Promise(resolve => signal.addEventListener('abort', resolve))
  }
  const { attempt, reported } = startAttempts(() => (isHung ? new Promise(() => {}) : Promise.resolve()), sleep)
  for (const key of ['a', 'a', 'b']) await attempt(key)
  isHung = false
  expect(await attempt('a')).toBeNull()
  isHung = true
  for (const key of ['a', 'b']) await attempt(key)
  expect(reported.map(({ code, fields: { key } }) => [code, key])).toEqual(['a', 'b', 'a'].map(key => ['handler-slow', key]))
  expect(reported[0]).toMatchObject({
    message:
      'mails has handled the event at position 7 for 10 s. At most 2 keys are handled side by side (parallelism), and the ' +
      'others wait. The attempt fails after 60000 ms (attemptMs), and is repeated.',
    fields: { subscription: 'mails', position: 7 },
  })
  expect(waits.slice(0, 2)).toEqual([10_000, 50_000])
})

test('an attempt that ends in time is not aborted, and one that ends at once sets no timer', async () => {
  const signals: AbortSignal[] = []
  const over: AbortSignal[] = []
  const results = [undefined, Promise.resolve()]
  const handle: Handle = (_, { signal }) => {
    signals.push(signal)
    return results.shift()
  }
  const sleep: Sleep = (_, signal) => {
    over.push(signal)
    return new Promise<void>(() => {})
  }
  const { attempt } = startAttempts(handle, sleep)
  expect([await attempt('a'), await attempt('b')]).toEqual([null, null])
  expect([signals.map(({ aborted }) => aborted), over.map(({ aborted }) => aborted)]).toEqual([[false, false], [true]])
})
