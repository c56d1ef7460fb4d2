// A handler that asks to stop: the stop and the checkpoint are one page, and nothing is handled twice or left out.
import { afterEach, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { z } from 'zod'
import { events, type Recorded, spec, split } from '../definitions/event/events.ts'
import { type Handling, processor, type ProcessorSpec } from '../definitions/processor.ts'
import { StoreError } from '../ports/store/errors.ts'
import { memory } from '../ports/store/memory.ts'
import type { Store } from '../ports/store/store.ts'
import type { Notice } from '../ports/report/notice.ts'
import { type Runtime, runtime } from '../runtime.ts'
import { until } from '../test-support/servers/until.ts'
import { untilProcessed } from '../test-support/until-processed.ts'
import { isPause, resumeLease } from './pausing.ts'
import { ProcessorRunner } from './processor-runner.ts'

const Mail = events('mail', { Queued: z.object({ to: z.string() }) })
const toOf = (event: Recorded | undefined) => (event!.data as { to: string }).to

/** A node that starts takes what is free at once, and takes over nothing. */
const LEASE_MS = 3_600_000

const running: Runtime[] = []
afterEach(async () => {
  for (const one of running.splice(0)) await one.close()
})

type Handle = (events: readonly Recorded[], handling: Handling) => unknown
type Options = Partial<Parameters<typeof processor<'mails', typeof Mail>>[1]>

/** A log, and nodes of one processor over it. */
function openMails(handle: Handle, options: Options = {}, store: Store = memory()) {
  const notices: Notice[] = []
  const mails = processor('mails', {
    ...{ from: Mail, start: 'beginning', key: (event: Recorded) => toOf(event) },
    ...(options as object),
    handle: handle as never,
  })
  const start = async () => {
    const report = (one: unknown) => notices.push(one as Notice)
    const emaki = await runtime({ serve: [mails], store, leaseMs: LEASE_MS, report })
    running.push(emaki)
    return emaki
  }
  const queue = (...to: readonly string[]) => {
    const { fingerprint: schema } = Mail[spec].types.get('Queued')!
    const mails = to.map(to => ({ id: Bun.randomUUIDv7(), type: 'Queued', schema, data: JSON.stringify({ to }), meta: '{}' }))
    return store.append([{ slices: [{ stream: 'mail-1', expect: 'any', events: mails }], keys: [] }])
  }
  return { store, start, queue, notices, mails }
}

const statusOf = async (emaki: Runtime) => (await emaki.status()).find(({ name }) => name === 'mails')!
const untilPaused = (emaki: Runtime) => until('it is paused', async () => (await statusOf(emaki)).isPaused)

describe('a handler that asks to stop', () => {
  test('a handler that asks to stop is given nothing more on any node, also after a restart, until it is resumed, and misses nothing', async () => {
    const handled: string[] = []
    const { start, queue, notices } = openMails(([event], { stop }) => {
      handled.push(toOf(event))
      if (toOf(event) === 'b') stop('the bank is closed')
    })
    await queue('a', 'b', 'c')
    const emaki = await start()
    await untilPaused(emaki)
    const other = await start()
    expect(await statusOf(other)).toMatchObject({ position: 2, lagEvents: 1, isPaused: true, retrying: 0, parkedKeys: 0 })
    expect(handled).toEqual(['a', 'b'])
    expect(notices).toMatchObject([
      {
        level: 'warn',
        code: 'processor-stopped',
        message:
          'mails stops after the event at position 2 of "b", because its handler asked for it: the bank is closed. ' +
          '`emaki resume mails` lets it go on.',
        fields: { subscription: 'mails', position: 2, key: 'b', reason: 'the bank is closed' },
      },
    ])
    expect(await other.resume('mails')).toBeTrue()
    await untilProcessed(await start(), 3)
    expect(handled).toEqual(['a', 'b', 'c'])
  })

  test('a handler that asks to stop in an attempt that fails does not stop, and stops in the one that succeeds', async () => {
    const attempts: number[] = []
    const { start, queue } = openMails((_, { attempt, stop }) => {
      attempts.push(attempt)
      stop(`at attempt ${attempt}`)
      if (attempt === 1) throw new Error('not yet')
    })
    await queue('a')
    const emaki = await start()
    await untilPaused(emaki)
    expect([attempts, await statusOf(emaki)]).toMatchObject([[1, 2], { position: 1, retrying: 0, parkedKeys: 0 }])
  })

  test('a stop whose page is not written is asked for again, and is reported once', async () => {
    const store = memory()
    const { commit } = store.readModel
    let failures = 0
    store.readModel.commit = page => {
      if (!page.pauses || failures++ > 0) return commit(page)
      return Promise.reject(new StoreError('unavailable', 'away'))
    }
    const handled: string[] = []
    const { start, queue, notices } = openMails(
      ([event], { stop }) => {
        handled.push(toOf(event))
        if (toOf(event) === 'a') stop('enough')
      },
      {},
      store,
    )
    await queue('a', 'b')
    await untilPaused(await start())
    expect(handled).toEqual(['a', 'a'])
    expect(notices.filter(({ code }) => code === 'processor-stopped')).toHaveLength(1)
  })

  test('a stop that a retry asks for as its process ends is not lost', async () => {
    const store = memory()
    const ending = Promise.withResolvers<void>()
    const isTried = Promise.withResolvers<void>()
    const { start, queue } = openMails(
      async (_, { attempt, stop }) => {
        if (attempt === 1) throw new Error('not yet')
        isTried.resolve()
        await ending.promise
        stop('enough')
      },
      {},
      store,
    )
    await queue('a')
    const emaki = await start()
    await isTried.promise
    const closed = emaki.close()
    ending.resolve()
    await closed
    const held = (await store.readModel.leases()).filter(isPause).map(({ name }) => name)
    expect([held, (await store.readModel.progress(['mails']))[0]!.position, await store.readModel.parked()]).toMatchObject([
      ['mails'],
      1,
      [],
    ])
  })

  test.each([0, 1])(
    'the parts of an event that was split are handled together, though the first asks to stop after %i failures',
    async failures => {
      const none = z.object({})
      const Letter = events(
        'letter',
        { Queued: none, Noted: none },
        { was: { Sent: split(none, (_, letter) => [letter.Queued({}), letter.Noted({})]) } },
      )
      const handled: string[] = []
      const letters = processor('letters', {
        from: Letter,
        retry: { firstMs: 1, maxMs: 1 },
        start: 'beginning',
        handle: ([event], { attempt, stop }) => {
          if (event!.type === 'Queued' && attempt <= failures) throw new Error('not yet')
          handled.push(event!.type)
          stop('asked')
        },
      })
      const store = memory()
      const sent = { id: Bun.randomUUIDv7(), type: 'Sent', schema: 'old', data: '{}', meta: '{}' }
      await store.append([{ slices: [{ stream: 'letter-a', expect: 'any', events: [sent] }], keys: [] }])
      const emaki = await runtime({ serve: [letters], store, leaseMs: LEASE_MS, report: () => {} })
      running.push(emaki)
      await until('it is paused', async () => (await emaki.status())[0]!.isPaused)
      expect([handled, (await emaki.status())[0]]).toMatchObject([['Queued', 'Noted'], { position: 1, retrying: 0 }])
    },
  )

  test('however keys and batches are divided, a stop leaves nothing out and has nothing handled twice, and no key out of order', async () => {
    const scenario = fc.record({
      to: fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 12 }),
      stops: fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 4 }),
      turns: fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 12, maxLength: 12 }),
      parallelism: fc.integer({ min: 1, max: 3 }),
      batchSize: fc.integer({ min: 1, max: 2 }),
    })
    await fc.assert(
      fc.asyncProperty(scenario, async ({ to, stops, turns, parallelism, batchSize }) => {
        const handled: { readonly key: string; readonly position: number; readonly round: number; readonly last: number }[] = []
        let round = 0
        const handle: Handle = async (batch, { stop }) => {
          const last = batch.at(-1)!.position
          for (let i = 0; i < turns[last - 1]!; i++) await Promise.resolve()
          for (const event of batch) handled.push({ key: toOf(event), position: event.position, round, last })
          if (batch.some(({ position }) => stops.includes(position))) stop('asked')
        }
        const { store, queue, mails } = openMails(handle, { parallelism, batchSize })
        await queue(...to)
        do {
          round++
          await runUntilIdle(store, mails[spec])
        } while (await resumeLease(store.readModel, 'mails'))
        for (const [key, of] of Map.groupBy(handled, one => one.key))
          expect(of.map(({ position }) => position)).toEqual(to.flatMap((one, i) => (one === key ? [i + 1] : [])))
        for (const { key, last, round: stopped } of handled.filter(({ position }) => stops.includes(position)))
          for (const later of handled)
            if (later.key === key && later.position > last) expect(later.round).toBeGreaterThan(stopped)
      }),
      { numRuns: 40 },
    )
  })
})

/** Runs a processor as a subscription does, until it is paused or has handled all. */
async function runUntilIdle(store: Store, processor: ProcessorSpec): Promise<void> {
  const { name } = processor
  const report = () => {}
  const runner = new ProcessorRunner(store, processor, { report, send: async () => null, reads: () => ({}) as never })
  const { epoch, ...lease } = (await store.readModel.acquire(name, { owner: 'o', ttlMs: LEASE_MS, start: 0 }))!
  await runner.begin({ epoch, ...lease })
  const guard = (from: number, to: number) => ({ name, epoch, from, to, ttlMs: LEASE_MS })
  await runner.retryParked(guard(lease.position, lease.position))
  const page = await store.readAll({ after: lease.position, limit: 100 })
  if (page.length) await runner.handle(page, null)
  while (!(await runner.stopAsked()) && runner.hasParked()) await Promise.resolve()
  const asked = await runner.stopAsked()
  const to = Math.min(page.at(-1)?.position ?? lease.position, asked?.handledTo ?? Number.POSITIVE_INFINITY)
  expect(await runner.save({ ...guard(lease.position, to), pauses: asked !== null })).toBeTrue()
  await runner.end()
}
