// A handler by a clock of the test's own.
import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { events, type Recorded, spec } from '../definitions/event/events.ts'
import { type Handling, processor } from '../definitions/processor.ts'
import { memory } from '../ports/store/memory.ts'
import type { Lease } from '../ports/read-model/leases.ts'
import { ProcessorRunner } from './processor-runner.ts'

const Mail = events('mail', { Queued: z.object({ to: z.string() }) })
type Sleep = NonNullable<ConstructorParameters<typeof ProcessorRunner>[4]>
const lease: Lease = { name: 'mails', epoch: 1, position: 0, takeovers: 0, suspect: null }

/** Hands one event over, on a clock that shows at once what it is waited for; gives how long that was. */
async function handleMails(
  handle: (events: readonly Recorded[], handling: Handling) => unknown,
  attempts: number,
  sleep?: Sleep,
) {
  const store = memory()
  const mails = processor('mails', { from: Mail, handle: handle as never, attempts, attemptMs: 7_000 })
  const { fingerprint: schema } = Mail[spec].types.get('Queued')!
  const event = { id: Bun.randomUUIDv7(), type: 'Queued', schema, data: '{"to":"a"}', meta: '{}' }
  await store.append([{ slices: [{ stream: 'mail-1', expect: 0, events: [event] }], keys: [] }])
  const waits: number[] = []
  const runner = new ProcessorRunner(
    store,
    mails[spec],
    async () => null,
    () => {},
    sleep ?? (async ms => void waits.push(ms)),
  )
  await runner.begin(lease)
  await runner.handle(await store.readAll({ after: 0, limit: 1 }), null)
  await runner.save({
    name: 'mails',
    epoch: (await store.readModel.acquire('mails', { owner: 'o', ttlMs: 1_000, start: 0 }))!.epoch,
    from: 0,
    to: 1,
    ttlMs: 1_000,
  })
  return { waits, parked: await store.readModel.parked('mails') }
}

describe('a processor runner', () => {
  test('a processor runner counts an attempt that never ends as failed, aborts it, and parks its key after the last', async () => {
    const signals: AbortSignal[] = []
    const never = (_: unknown, { signal }: Handling) => {
      signals.push(signal)
      return new Promise(() => {})
    }
    const { waits, parked } = await handleMails(never, 2)
    expect(waits).toEqual([7_000, 50, 7_000])
    expect(signals.map(({ aborted, reason }) => [aborted, String(reason)])).toEqual(
      signals.map(() => [true, 'Error: mails: the attempt did not end within 7000 ms']),
    )
    expect(parked).toMatchObject([{ key: 'mail-1', cause: 'Error: mails: the attempt did not end within 7000 ms' }])
  })

  test('a processor runner does not abort an attempt that ended in time, and sets no timer for one that ends at once', async () => {
    const signals: AbortSignal[] = []
    const { waits, parked } = await handleMails((_, { signal }) => void signals.push(signal), 1)
    expect([waits, parked, signals.map(({ aborted }) => aborted)]).toEqual([[], [], [false]])
    const over: AbortSignal[] = []
    const never: Sleep = (_, signal) => {
      over.push(signal)
      return new Promise(() => {})
    }
    const ended = await handleMails(async (_, { signal }) => void signals.push(signal), 1, never)
    expect([ended.parked, signals[1]!.aborted, over[0]!.aborted]).toEqual([[], false, true])
  })

  test('a processor runner tries again after pauses that grow, from 50 ms to 10 s', async () => {
    const { waits } = await handleMails(() => {
      throw new Error('down')
    }, 11)
    expect(waits).toEqual([50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000])
  })
})

test('a processor runner handles again what a key and its stream passed over, from where the first of them was parked', async () => {
  const store = memory()
  const handled: string[] = []
  const mails = processor('mails', { from: Mail, key: () => 'k', handle: ([event]) => handled.push(event!.data.to) })
  const { fingerprint: schema } = Mail[spec].types.get('Queued')!
  const events = ['a', 'b', 'c'].map(to => ({ id: to, type: 'Queued', schema, data: JSON.stringify({ to }), meta: '{}' }))
  await store.append([{ slices: [{ stream: 'mail-1', expect: 0, events }], keys: [] }])
  const { epoch } = (await store.readModel.acquire('mails', { owner: 'o', ttlMs: 60_000, start: 0 }))!
  const guard = { name: 'mails', epoch, from: 3, to: 3, ttlMs: 60_000 }
  const park = [
    { kind: 'key', key: 'k', position: 1, cause: 'it failed' },
    { kind: 'stream', key: 'mail-1', position: 3, cause: 'it could not be read' },
  ] as const
  await store.readModel.commit({ ...guard, from: 0, rows: [], park, unpark: [] })
  await store.readModel.unpark('mails')
  const runner = new ProcessorRunner(
    store,
    mails[spec],
    async () => null,
    () => {},
  )
  await runner.begin({ ...lease, epoch, position: 3 })
  await runner.retryParked(guard)
  expect(handled).toEqual(['a', 'b', 'c'])
  expect([await store.readModel.parked(), runner.hasParked()]).toEqual([[], false])
})
