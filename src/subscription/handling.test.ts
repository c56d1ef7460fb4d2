// Processors: at least once, in order by key, what fails is tried again and then parked, on a store in memory.
import { afterEach, describe, expect, test } from 'bun:test'
import { z } from 'zod'
import type { CloudEvent } from '../definitions/event/cloud-event.ts'
import { type AnyEvents, events, type Recorded, spec, split } from '../definitions/event/events.ts'
import { decider } from '../definitions/decider/decider.ts'
import { type Handling, processor } from '../definitions/processor.ts'
import { type Runtime, runtime } from '../runtime.ts'
import { memory } from '../ports/store/memory.ts'
import type { Store } from '../ports/store/store.ts'
import { until as becomes } from '../test-support/servers/until.ts'
import { untilProcessed } from '../test-support/until-processed.ts'

const Mail = events('mail', { Queued: z.object({ to: z.string() }), Noted: z.object({}) })
const mail = decider(Mail, {
  initial: {},
  evolve: { Queued: s => s, Noted: s => s },
  commands: { queue: z.object({ to: z.string() }), note: z.object({}) },
  decide: { queue: (_, data) => Mail.Queued(data), note: () => Mail.Noted({}) },
})

const closing: Runtime[] = []
afterEach(async () => {
  for (const one of closing.splice(0)) await one.close()
})

type Options = Partial<Parameters<typeof processor<'mails', typeof Mail>>[1]>
async function startMails(
  handle: (events: readonly Recorded[], handling: Handling) => unknown,
  options: Options = {},
  store: Store = memory(),
  leaseMs = 60_000,
) {
  const mails = processor('mails', { from: Mail, start: 'beginning', ...options, handle: handle as never })
  const emaki = await runtime({ serve: [mail, mails], store, leaseMs })
  closing.push(emaki)
  return emaki
}
const queueMail = (emaki: Runtime, id: string, to: string) => emaki.send(mail.queue(id, { to }))
const toOf = ({ data }: Recorded) => (data as { to: string }).to

describe('a processor', () => {
  test('a processor is handed every event of its families, in order', async () => {
    const handled: string[] = []
    const emaki = await startMails(([event]) => handled.push(toOf(event!)))
    for (const to of ['a', 'b', 'c']) await queueMail(emaki, to, to)
    await untilProcessed(emaki, 3)
    expect(handled).toEqual(['a', 'b', 'c'])
  })

  test('a processor is handed only the types it names', async () => {
    const handled: string[] = []
    const emaki = await startMails(([event]) => handled.push(event!.type), { types: ['Noted'] })
    await queueMail(emaki, 'a', 'a')
    await emaki.send(mail.note('a', {}))
    await untilProcessed(emaki, 2)
    expect(handled).toEqual(['Noted'])
  })

  test('a processor begins at the position that it is defined with', async () => {
    const store = memory()
    const first = await startMails(() => {}, { start: 'now' }, store)
    await queueMail(first, 'a', 'a')
    await untilProcessed(first, 1)
    const handled: string[] = []
    const other = processor('late', { from: Mail, start: 'now', handle: ([event]) => handled.push(toOf(event!)) })
    const emaki = await runtime({ serve: [mail, other], store })
    closing.push(emaki)
    await queueMail(emaki, 'b', 'b')
    await untilProcessed(emaki, 2)
    expect(handled).toEqual(['b'])
  })

  test('a processor is handed batches no larger than its size', async () => {
    const sizes: number[] = []
    const store = memory()
    const before = await runtime({ serve: [mail], store })
    for (let i = 0; i < 10; i++) await queueMail(before, `m${i}`, 'x')
    const emaki = await startMails(events => sizes.push(events.length), { batchSize: 4 }, store)
    await untilProcessed(emaki, 10)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(4)
    expect(sizes.reduce((sum, size) => sum + size)).toBe(10)
  })

  test('a processor handles keys side by side, and each key in order', async () => {
    const under = new Set<string>()
    const two = Promise.withResolvers<void>()
    const seen = new Map<string, number[]>()
    const store = memory()
    const before = await runtime({ serve: [mail], store })
    for (let i = 0; i < 60; i++) await queueMail(before, `m${i}`, `k${i % 6}`)
    const emaki = await startMails(
      async ([event]) => {
        const key = toOf(event!)
        if (under.has(key)) throw new Error(`${key} is handled twice at once`)
        under.add(key)
        if (under.size > 1) two.resolve()
        await two.promise
        await Bun.sleep(0)
        seen.set(key, [...(seen.get(key) ?? []), event!.position])
        under.delete(key)
      },
      { parallelism: 4, key: event => toOf(event), retry: { forMs: 0 } },
      store,
    )
    await untilProcessed(emaki, 60)
    expect(await emaki.store.readModel.parked()).toEqual([])
    for (const positions of seen.values()) expect(positions).toEqual([...positions].sort((a, b) => a - b))
    expect([...seen.values()].flat()).toHaveLength(60)
  })

  test('a processor tries again with the same key, and counts the attempts', async () => {
    const tries: [string, number][] = []
    const emaki = await startMails(([event], { keyOf, attempt }) => {
      tries.push([keyOf(event!), attempt])
      if (attempt < 3) throw new Error('not yet')
    })
    await queueMail(emaki, 'a', 'a')
    await becomes('it was handled', () => tries.length === 3)
    const [stored] = await emaki.store.readAll({ after: 0, limit: 1 })
    expect(tries).toEqual([1, 2, 3].map(attempt => [`mails:${stored!.id}`, attempt]))
  })

  test('a processor knows each event as a CloudEvent with its id, and the parts of one that was split by ids of their own', async () => {
    const store = memory()
    const Old = events('mail', { Sent: z.object({ to: z.string() }), Noted: z.object({}) })
    const old = decider(Old, {
      initial: {},
      evolve: { Sent: s => s, Noted: s => s },
      commands: { send: z.object({ to: z.string() }), note: z.object({}) },
      decide: { send: (_, data) => Old.Sent(data), note: () => Old.Noted({}) },
    })
    const before = await runtime({ serve: [old], store })
    await before.send(old.send('a', { to: 'x' }), { actor: 'ada', correlation: 'c1' })
    await before.send(old.note('a', {}))
    const New = events(
      'mail',
      { Queued: z.object({ to: z.string() }), Noted: z.object({}) },
      { was: { Sent: split(z.object({ to: z.string() }), ({ to }, mail) => [mail.Queued({ to }), mail.Noted({})]) } },
    )
    const found: (CloudEvent & { readonly key: string })[] = []
    const handle = (events: readonly Recorded[], { cloudEvent, keyOf }: Handling) =>
      void found.push(...events.map(event => ({ ...cloudEvent(event), key: keyOf(event) })))
    const emaki = await runtime({
      serve: [processor('mails', { from: New, start: 'beginning', batchSize: 10, handle })],
      store,
      leaseMs: 60_000,
    })
    closing.push(emaki)
    await untilProcessed(emaki, 2)
    const [sent, noted] = await store.readAll({ after: 0, limit: 2 })
    const ids = [sent!.id, `${sent!.id}.1`, noted!.id]
    expect(found.map(({ attributes }) => attributes.id)).toEqual(ids)
    expect(found.map(({ key }) => key)).toEqual(ids.map(id => `mails:${id}`))
    expect(found.map(({ attributes }) => attributes.type)).toEqual(['mail.Queued', 'mail.Noted', 'mail.Noted'])
    expect(found.map(({ data }) => data)).toEqual(['{"to":"x"}', '{}', '{}'])
    expect(found[0]!.attributes).toMatchObject({
      source: `urn:uuid:${store.identity.id}`,
      subject: 'mail-a',
      streamversion: 1,
      correlationid: 'c1',
      actor: 'ada',
    })
    // Today's name and data come with today's schema.
    expect(found[1]!.attributes['schemaversion']).toBe(noted!.schema)
  })

  test('a processor parks the key of an event that goes on failing, also within a batch, and the others go on', async () => {
    const handled: string[] = []
    let isMended = false
    const handle = (events: readonly Recorded[]) => {
      if (!isMended && events.some(event => toOf(event) === 'bad')) throw new Error('no such address')
      handled.push(...events.map(toOf))
    }
    const store = memory()
    const before = await runtime({ serve: [mail], store })
    for (const to of ['a', 'bad', 'b', 'bad', 'c']) await queueMail(before, to, to)
    const emaki = await startMails(handle, { batchSize: 5, retry: { firstMs: 1, forMs: 1 }, key: event => toOf(event) }, store)
    await untilProcessed(emaki, 5)
    await becomes('it is parked', async () => (await store.readModel.parkedCounts())[0]?.keys === 1)
    expect(handled).toEqual(['a', 'b', 'c'])
    expect(await store.readModel.parked()).toMatchObject([
      { name: 'mails', kind: 'key', key: 'bad', position: 2, cause: 'Error: no such address' },
    ])
    isMended = true
    await store.readModel.unpark('mails')
    await becomes('it is handled', () => handled.length === 5)
    await becomes('nothing is parked', async () => (await store.readModel.parked()).length === 0)
    expect(handled.slice(3)).toEqual(['bad', 'bad'])
  })

  test('a processor goes on from where it is reset to, and handles what came after that again', async () => {
    const handled: string[] = []
    // It takes its lease again after a third of it.
    const emaki = await startMails(([event]) => handled.push(toOf(event!)), {}, memory(), 1_000)
    for (const to of ['a', 'b', 'c']) await queueMail(emaki, to, to)
    await untilProcessed(emaki, 3)
    await emaki.reset('mails', 1)
    await becomes('it has come back', () => handled.length === 5)
    expect(handled).toEqual(['a', 'b', 'c', 'b', 'c'])
    expect(emaki.reset('nobody')).rejects.toThrow('no projection, processor or process is named nobody; there are mails')
  })

  test('a processor is handed again what it had not finished when it stopped, and nothing else', async () => {
    const store = memory()
    const handled: string[] = []
    const begun = Promise.withResolvers<void>()
    const first = await startMails(
      async ([event], { signal }) => {
        if (toOf(event!) === 'slow') {
          begun.resolve()
          await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
        }
        handled.push(toOf(event!))
      },
      { batchSize: 1 },
      store,
    )
    await queueMail(first, 'a', 'a')
    await untilProcessed(first, 1)
    await queueMail(first, 'b', 'slow')
    await begun.promise
    await closing.pop()!.close()
    const again: string[] = []
    const second = await startMails(([event]) => again.push(toOf(event!)), {}, store)
    await untilProcessed(second, 2)
    expect([handled, again]).toEqual([['a'], ['slow']])
  })
})

describe('processor()', () => {
  const handle = () => {}
  test.each([
    [() => processor('Mails' as never, { from: Mail, handle }), 'a name is small letters'],
    [() => processor('mails', { from: Mail, batchSize: 0, handle }), 'expected batchSize from 1 to 10000, found 0'],
    [
      () => processor('mails', { from: [Mail, Mail] as readonly AnyEvents[] as readonly (typeof Mail)[], handle }),
      'two of its families',
    ],
    [() => processor('mails', { from: Mail, types: ['Lost' as 'Noted'], handle }), 'Lost is no event'],
  ] as const)('processor() refuses a definition (case %#) and says why', (make, message) => {
    expect(make).toThrow(message)
  })

  test('processor() keeps its options', () => {
    expect(processor('mails', { from: Mail, handle })[spec]).toMatchObject({
      kind: 'processor',
      batchSize: 1,
      parallelism: 1,
      retry: { firstMs: 100, maxMs: 300_000, forMs: 86_400_000 },
      start: null,
    })
  })
})
