// Several commands of one instance as one: all or nothing, with one outcome.
import { afterEach, describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { decider } from '../definitions/decider/decider.ts'
import type { Command } from '../definitions/decider/command.ts'
import { reject } from '../definitions/decider/reject.ts'
import { events } from '../definitions/event/events.ts'
import { memory } from '../ports/store/memory.ts'
import { type Runtime, runtime } from '../runtime.ts'

const Cents = z.object({ cents: z.int() })
const Safe = events('safe', { In: Cents, Out: Cents })
const safe = decider(Safe, {
  initial: { cents: 0 },
  evolve: {
    In: (state, { cents }) => ({ cents: state.cents + cents }),
    Out: (state, { cents }) => ({ cents: state.cents - cents }),
  },
  commands: { put: Cents, take: Cents, await: Cents, touch: z.object({}) },
  prepare: { await: async ({ cents }) => cents * 2 },
  decide: {
    put: (_, { cents }) => Safe.In({ cents }),
    take: (state, { cents }) => (state.cents < cents ? reject('too-little', { left: state.cents }) : Safe.Out({ cents })),
    await: (_, __, { prepared }) => Safe.In({ cents: prepared }),
    touch: () => [],
  },
})
const put = (cents: number, id = 's1') => safe.put(id, { cents })
const take = (cents: number) => safe.take('s1', { cents })

const closing: Runtime[] = []
afterEach(async () => {
  for (const one of closing.splice(0)) await one.close()
})
async function openSafe(store = memory()): Promise<Runtime> {
  const emaki = await runtime({ serve: [safe], store })
  closing.push(emaki)
  return emaki
}
const stateOf = async (emaki: Runtime) => (await emaki.state('safe', 's1'))?.state ?? null

describe('commands that are sent as one', () => {
  test('commands that are sent as one are decided one on the other, and appended with one outcome', async () => {
    const emaki = await openSafe()
    const all = [Safe.In({ cents: 5 }), Safe.Out({ cents: 3 })]
    const sent = await emaki.send([put(5), safe.touch('s1', {}), take(3)])
    expect(sent).toEqual({ outcome: 'accepted', stream: 'safe-s1', version: 2, position: 2, events: all })
    expect(await stateOf(emaki)).toEqual({ cents: 2 })
  })

  test('commands that are sent as one have no effect if one of them is rejected, and others of the batch have theirs', async () => {
    const emaki = await openSafe()
    const sent = await Promise.all([emaki.send(put(1)), emaki.send([put(5), take(7), put(1)]), emaki.send(take(1))])
    expect(sent[1]).toEqual({ outcome: 'rejected', code: 'too-little', data: { left: 6 } })
    expect([sent[0]?.outcome, sent[2]?.outcome]).toEqual(['accepted', 'accepted'])
    expect(await stateOf(emaki)).toEqual({ cents: 0 })
    expect((await emaki.store.read('safe-s1', { after: 0, limit: 9 })).length).toBe(2)
  })

  test('commands that are sent as one have one effect with a key, which is refused for any other commands', async () => {
    const store = memory()
    const emaki = await openSafe(store)
    const first = await emaki.send([put(5), put(6)], { key: 'k' })
    for (const one of [emaki, await openSafe(store)])
      expect(await one.send([put(5), put(6)], { key: 'k' })).toEqual({ ...first, replayed: true } as never)
    for (const other of [[put(5)], [put(5), put(7)], [put(5), put(6), put(6)]])
      expect(await emaki.send(other, { key: 'k' })).toMatchObject({ code: 'idempotency-key-reused' })
    expect(await stateOf(emaki)).toEqual({ cents: 11 })
  })

  test('commands that are sent as one expect a version of the stream before the first of them', async () => {
    const emaki = await openSafe()
    expect(await emaki.send([put(1), put(1)], { expect: 0 })).toMatchObject({ outcome: 'accepted', version: 2 })
    expect(await emaki.send([put(1), put(1)], { expect: 1 })).toEqual({ outcome: 'conflict', expected: 1, actual: 2 })
  })

  test('commands that are sent as one lose their stream together, and are decided again on what came in between', async () => {
    const store = memory()
    const [emaki, other] = [await openSafe(store), await openSafe(store)]
    await emaki.send(put(1))
    await other.send(put(9))
    expect(await emaki.send([take(10), put(2)])).toMatchObject({ outcome: 'accepted', version: 4 })
    expect(await stateOf(other)).toEqual({ cents: 2 })
  })

  test('each of several commands that are sent as one gets what was fetched for it', async () => {
    const emaki = await openSafe()
    await emaki.send([safe.await('s1', { cents: 1 }), put(1), safe.await('s1', { cents: 10 })])
    expect(await stateOf(emaki)).toEqual({ cents: 23 })
  })

  test('a command that does not fit is named by its place, and none is sent', async () => {
    const emaki = await openSafe()
    const sent = await emaki.send([put(1), put('x' as never)])
    expect(sent).toMatchObject({ outcome: 'invalid', issues: [{ path: '/1/cents' }] })
    expect(await stateOf(emaki)).toBeNull()
  })

  test('no command, too many, and commands for several instances are refused as a mistake of the caller', async () => {
    const emaki = await openSafe()
    const many = Array.from({ length: 101 }, () => put(1))
    const send = (commands: readonly Command[]) => emaki.send(commands)
    expect(send([])).rejects.toThrow(new TypeError('send: expected 1 to 100 commands as one, found 0'))
    expect(send(many)).rejects.toThrow(new TypeError('send: expected 1 to 100 commands as one, found 101'))
    expect(send([put(1), put(1, 's2')])).rejects.toThrow('are for one instance; found safe s1 and safe s2')
    expect(send([1, 2].map(cents => put(cents)))).resolves.toMatchObject({ outcome: 'accepted', version: 2 })
  })
})
