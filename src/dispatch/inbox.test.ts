// Messages that come more than once: one effect and one answer each, in whatever order and however many at once.
import { afterEach, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { z } from 'zod'
import { decider } from '../definitions/decider/decider.ts'
import { reject } from '../definitions/decider/reject.ts'
import { events } from '../definitions/event/events.ts'
import { type Runtime, runtime, startServices } from '../runtime.ts'
import { seriesOf } from '../test-support/series.ts'
import { memory } from '../ports/store/memory.ts'
import { type Inbox, inbox, type Taken } from './inbox.ts'
import type { SendOptions } from './send.ts'

const Till = events('till', { Paid: z.object({ cents: z.int() }) })
const till = decider(Till, {
  initial: { cents: 0 },
  evolve: { Paid: (till, { cents }) => ({ cents: till.cents + cents }) },
  commands: { pay: z.object({ cents: z.int() }) },
  decide: { pay: (_, { cents }) => (cents > 100 ? reject('too-much', { cents }) : Till.Paid({ cents })) },
})
const Message = z.object({ id: z.string(), till: z.string(), cents: z.int() })
const payments = inbox('payments', {
  message: Message,
  command: ({ till: id, cents }) => (cents === 0 ? null : till.pay(id, { cents })),
})

const closing: Runtime[] = []
afterEach(async () => {
  for (const one of closing.splice(0)) await one.close()
})
async function startTill(store = memory()): Promise<Runtime> {
  const emaki = await runtime({ serve: [till], store })
  closing.push(emaki)
  return emaki
}

/** An answer without whether it was given before. */
const bare = (answer: Taken) => JSON.stringify({ ...answer, replayed: undefined })

describe('an inbox', () => {
  const message = fc.record({ id: fc.constantFrom('a', 'b', 'c', 'd', 'e'), node: fc.nat(1), turns: fc.nat(8) })
  const waves = fc.array(fc.array(message, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 5 })
  /** What a message says follows from its id: some are rejected, some lead to nothing, some share a till. */
  const buildMessage = (id: string) => ({
    id,
    till: `t${'abcde'.indexOf(id) % 3}`,
    cents: { d: 0, e: 500 }[id] ?? id.charCodeAt(0) - 90,
  })

  /** Has two processes take waves of messages, each wave at once; the effects and the answers by id. */
  async function takeWaves(taking: Inbox, all: readonly (readonly { id: string; node: number; turns: number }[])[]) {
    const store = memory()
    const nodes = [await runtime({ serve: [till], store }), await runtime({ serve: [till], store })]
    const answers: { readonly id: string; readonly answer: Taken }[] = []
    for (const wave of all) {
      const some = wave.map(async ({ id, node, turns }) => {
        for (let i = 0; i < turns; i++) await Promise.resolve()
        return { id, answer: await taking.take(nodes[node]!, buildMessage(id)) }
      })
      answers.push(...(await Promise.all(some)))
    }
    const effects = (await store.readAll({ after: 0, limit: 1_000 })).map(
      ({ meta }) => (JSON.parse(meta) as { causation: string }).causation,
    )
    for (const node of nodes) await node.close()
    return { effects, answers }
  }

  test('an inbox has one effect and one answer for each message, whatever the interleaving of its duplicates', async () => {
    await fc.assert(
      fc.asyncProperty(waves, async all => {
        const { effects, answers } = await takeWaves(payments, all)
        const wanted = new Set(all.flat().map(({ id }) => id))
        expect(effects.toSorted()).toEqual([...wanted].filter(id => id < 'd').toSorted())
        for (const of of Map.groupBy(answers, ({ id }) => id).values()) {
          expect(new Set(of.map(({ answer }) => bare(answer))).size).toBe(1)
          const outcome = { d: 'ignored', e: 'rejected' }[of[0]!.id] ?? 'accepted'
          expect(of[0]!.answer.outcome).toBe(outcome as Taken['outcome'])
          // Only one of them had the effect.
          if (outcome !== 'ignored') expect(of.filter(({ answer }) => !('replayed' in answer))).toHaveLength(1)
        }
      }),
      { numRuns: 15 },
    )
  })

  test('the checks of an inbox see several effects where it does not know a message again', async () => {
    let count = 0
    const forgetful = inbox('forgetful', {
      message: Message,
      id: ({ id }) => `${id}.${count++}`,
      command: ({ till: id, cents }) => till.pay(id, { cents }),
    })
    const { effects } = await takeWaves(forgetful, [
      [
        { id: 'a', node: 0, turns: 0 },
        { id: 'a', node: 1, turns: 3 },
      ],
    ])
    expect(effects).toHaveLength(2)
  })

  test('an inbox gives events the id of the message as their cause', async () => {
    const emaki = await startTill()
    const answer = await payments.take(emaki, { id: 'm1', till: 't', cents: 1 }, { actor: 'bank' })
    expect(answer).toMatchObject({ outcome: 'accepted', stream: 'till-t', version: 1 })
    const [event] = await emaki.store.read('till-t', { after: 0, limit: 1 })
    expect(JSON.parse(event!.meta)).toMatchObject({ causation: 'm1', correlation: 'm1', actor: 'bank' })
  })

  test('an inbox knows messages by its own name, so that two inboxes never take one for the other', async () => {
    const emaki = await startTill()
    const others = inbox('others', { message: Message, command: ({ till: id, cents }) => till.pay(id, { cents }) })
    for (const one of [payments, others, payments]) await one.take(emaki, { id: 'm1', till: 't', cents: 1 })
    expect((await emaki.state('till', 't'))!.state).toEqual({ cents: 2 })
  })

  test('an inbox rejects another message with a known id', async () => {
    const emaki = await startTill()
    await payments.take(emaki, { id: 'm1', till: 't', cents: 1 })
    expect(await payments.take(emaki, { id: 'm1', till: 't', cents: 2 })).toMatchObject({ code: 'idempotency-key-reused' })
  })

  test('an inbox knows a message for as long as it is configured', async () => {
    const keeps: SendOptions['keepMs'][] = []
    const emaki = await startTill()
    const send: Runtime['send'] = (command, options) => {
      keeps.push(options?.keepMs)
      return emaki.send(command, options)
    }
    const brief = inbox('brief', { message: Message, keepMs: 1_000, command: ({ till: id, cents }) => till.pay(id, { cents }) })
    for (const one of [payments, brief]) await one.take({ send }, { id: 'm1', till: 't', cents: 1 })
    expect(keeps).toEqual([604_800_000, 1_000])
  })

  test.each([
    ['no object', null, ''],
    ['a field missing', { id: 'a', till: 't' }, '/cents'],
    ['an empty id', { id: '', till: 't', cents: 1 }, '/id'],
    ['a long id', { id: 'x'.repeat(401), till: 't', cents: 1 }, '/id'],
    ['an id that is no text', { id: '\ud800', till: 't', cents: 1 }, '/id'],
  ])('an inbox finds a message with %s invalid', async (_, message, path) => {
    const answer = await payments.take(await startTill(), message)
    expect(answer).toMatchObject({ outcome: 'invalid', issues: [{ path }] })
  })

  test('an inbox says when a message is to come again where the log does not answer', async () => {
    const send = async () => ({ outcome: 'conflict', expected: 1, actual: 2 }) as const
    expect(await payments.take({ send }, { id: 'm1', till: 't', cents: 1 })).toEqual({
      outcome: 'unavailable',
      retryAfterMs: 1_000,
    })
  })
})

describe('inbox()', () => {
  test.each([
    ['Payments', {}, 'a name is small letters'],
    ['payments', { keepMs: 0 }, 'expected a keepMs above 0, found 0'],
    ['payments', { source: { queue: 'q' } as never }, 'expected a source { service: name } or { topic: name }'],
    ['payments', { source: {} as never }, 'expected a source'],
  ])('inbox() refuses %p with %p', (name, options, message) => {
    expect(() => inbox(name, { message: Message, command: () => null, ...options })).toThrow(message)
  })
})

test('an inbox counts each message by what became of it, and one that only a sender takes too has its effect', async () => {
  const emaki = await startServices({ serve: [till] })
  closing.push(emaki)
  const messages = [
    { id: 'a', till: 't1', cents: 5 },
    { id: 'a', till: 't1', cents: 5 },
    { id: 'b', till: 't1', cents: 500 },
    { id: 'c', till: 't1', cents: 0 },
    { id: 'd', till: 't1', cents: 'five' },
  ]
  for (const message of messages) await payments.take(emaki, message)
  const counted = {
    'payments accepted': 1,
    'payments replayed': 1,
    'payments rejected': 1,
    'payments ignored': 1,
    'payments invalid': 1,
  }
  expect(await seriesOf(emaki.metrics, 'emaki.inbox.messages')).toEqual(counted)
  const { send } = emaki
  expect(await payments.take({ send }, { id: 'e', till: 't1', cents: 7 })).toMatchObject({ outcome: 'accepted' })
  expect(await seriesOf(emaki.metrics, 'emaki.inbox.messages')).toEqual(counted)
  await expect(
    payments.take({ send: () => Promise.reject(new Error('a bug')) }, { id: 'f', till: 't1', cents: 7 }),
  ).rejects.toThrow('a bug')
})
