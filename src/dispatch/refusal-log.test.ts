// Who was refused what: what is recorded, off the path of commands, and what it costs when the store does not keep up.
import { afterEach, describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { decider } from '../definitions/decider/decider.ts'
import { reject } from '../definitions/decider/reject.ts'
import { events } from '../definitions/event/events.ts'
import { REFUSALS_KEEP_MS } from '../ports/refusals/bounds.ts'
import { memoryRefusals } from '../ports/refusals/memory.ts'
import type { Notice } from '../ports/report/notice.ts'
import { StoreError } from '../ports/store/errors.ts'
import { type RuntimeOptions, runtime } from '../runtime.ts'
import { cleanUp, cleanUpLater } from '../test-support/cleanup.ts'
import { BATCH_MAX, KIND_BATCH_MAX, type NotedRefusal, RefusalLog } from './refusal-log.ts'

afterEach(cleanUp)

const Door = events('door', { Opened: z.object({}) })
const door = decider(Door, {
  initial: { isOpen: false },
  evolve: { Opened: () => ({ isOpen: true }) },
  commands: { open: z.object({ pin: z.string() }), wait: z.object({}) },
  decide: {
    open: ({ isOpen }, { pin }) => (isOpen ? reject('open-already', { pin }) : Door.Opened({})),
    wait: () => reject.later('not-yet', { after: '1 minute' }),
  },
  rejections: { 'open-already': { status: 409, title: 'The door is open' } },
})

const NOW = Date.parse('2030-01-01T00:00:00Z')

async function openDoor(options: Partial<RuntimeOptions> = {}) {
  const emaki = await runtime({ serve: [door], now: () => NOW, ...options })
  cleanUpLater(() => emaki.close())
  await emaki.send(door.open('d1', { pin: '1' }))
  return emaki
}

describe('refused commands', () => {
  test('a rejection is recorded with who sent what, when and why, and without the data of the command', async () => {
    const emaki = await openDoor()
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    await emaki.send(door.open('d1', { pin: 'secret' }), { actor: 'ada', correlation: 'c1', traceparent })
    expect(await emaki.refusals()).toEqual([
      {
        ...{ at: '2030-01-01T00:00:00.000Z', by: 'decide', command: 'door.open', stream: 'door-d1', actor: 'ada' },
        ...{ code: 'open-already', text: 'The door is open', correlation: 'c1' },
        ...{ traceId: '0af7651916cd43dd8448eb211c80319c', more: 0 },
      },
    ])
    expect(JSON.stringify(await emaki.refusals())).not.toContain('secret')
  })

  test('a command that came too early is recorded, and what is accepted, invalid or replayed is not', async () => {
    const emaki = await openDoor()
    await emaki.send(door.wait('d1', {}))
    await emaki.send(door.open('d1', {} as never))
    await emaki.send(door.open('d2', { pin: '1' }))
    for (const _ of ['first', 'again']) await emaki.send(door.open('d1', { pin: '1' }), { key: 'k' })
    expect((await emaki.refusals()).map(({ code, actor }) => [code, actor])).toEqual([
      ['open-already', null],
      ['not-yet', null],
    ])
  })

  test('refusals are listed by command, code, actor and time, the newest first, and never those before the last week', async () => {
    let time = NOW
    const emaki = await openDoor({ now: () => time })
    const refuse = async (actor: string) => void (await emaki.send(door.open('d1', { pin: '1' }), { actor }))
    await refuse('ada')
    time += 1_000
    await refuse('bob')
    await emaki.send(door.wait('d1', {}), { actor: 'ada' })
    const actors = async (asked?: Parameters<typeof emaki.refusals>[0]) => (await emaki.refusals(asked)).map(({ actor }) => actor)
    expect(await actors()).toEqual(['ada', 'bob', 'ada'])
    expect(await actors({ command: 'door.open' })).toEqual(['bob', 'ada'])
    expect(await actors({ code: 'open-already', actor: 'ada' })).toEqual(['ada'])
    expect(await actors({ since: new Date(time), limit: 1 })).toEqual(['ada'])
    time = NOW + REFUSALS_KEEP_MS + 1
    expect(await actors()).toEqual(['ada', 'bob'])
  })

  test('nothing is recorded with the option refusals: false', async () => {
    const emaki = await openDoor({ refusals: false })
    expect((await emaki.send(door.open('d1', { pin: '1' }))).outcome).toBe('rejected')
    expect(await emaki.refusals()).toEqual([])
  })
})

const refused = (code: string): NotedRefusal => ({
  ...{ by: 'decide', command: 'door.open', stream: 'door-d1', actor: 'ada\0\ud800', code, text: null, correlation: 'c' },
  traceId: null,
})
const repeat = (times: number, run: (i: number) => void) => Array.from({ length: times }, (_, i) => run(i))

/** A log of refusals whose store fails while `fault` is set. */
function openLog() {
  const inner = memoryRefusals()
  const state = { fault: null as Error | null, added: 0, forgotten: 0, time: NOW }
  const reported: Notice[] = []
  const log = new RefusalLog({
    refusals: {
      ...inner,
      add: async refusals => {
        if (state.fault) throw state.fault
        state.added += refusals.length
        await inner.add(refusals)
      },
      forget: bounds => {
        state.forgotten++
        return inner.forget(bounds)
      },
    },
    now: () => state.time,
    report: problem => void reported.push(problem as Notice),
  })
  cleanUpLater(() => log.close())
  return { log, state, reported }
}
const codesOf = (reported: readonly Notice[]) => reported.map(({ code, fields }) => [code, fields['refusals']])

describe('the bounds of refusals', () => {
  test('a flood of one command and code is counted on its first record, and pushes out no other', async () => {
    const { log, reported } = openLog()
    repeat(KIND_BATCH_MAX + 5_000, () => log.note(refused('flood')))
    log.note(refused('rare'))
    const listed = await log.list({ limit: 1_000 })
    expect(listed.map(({ code, more }) => [code, more])).toEqual([
      ['rare', 0],
      ...Array.from({ length: KIND_BATCH_MAX - 1 }, () => ['flood', 0]),
      ['flood', 5_000],
    ])
    expect(reported).toEqual([])
  })

  test('refusals beyond a batch are lost, counted, and reported once an episode', async () => {
    const { log, state, reported } = openLog()
    for (const _ of ['first', 'second']) {
      repeat(BATCH_MAX + 3, i => log.note(refused(`code-${i}`)))
      await log.write()
    }
    expect(codesOf(reported)).toEqual([['retry-began', undefined]])
    log.note(refused('calm'))
    await log.write()
    expect([state.added, codesOf(reported).slice(1)]).toEqual([
      2 * BATCH_MAX + 1,
      [
        ['refusals-lost', 6],
        ['retry-ended', undefined],
      ],
    ])
  })

  test('refusals that the store does not take are lost, counted, and reported once an episode', async () => {
    const { log, state, reported } = openLog()
    state.fault = new StoreError('unavailable', 'away')
    for (const code of ['a', 'b']) {
      repeat(KIND_BATCH_MAX + 4, () => log.note(refused(code)))
      await log.write()
    }
    expect(codesOf(reported)).toEqual([['retry-began', undefined]])
    state.fault = null
    log.note(refused('c'))
    expect((await log.list()).map(({ code }) => code)).toEqual(['c'])
    expect(codesOf(reported).slice(1)).toEqual([
      ['refusals-lost', 2 * (KIND_BATCH_MAX + 4)],
      ['retry-ended', undefined],
    ])
  })

  test('a store that is slow makes nobody wait, and gets one batch at a time', async () => {
    const gate = Promise.withResolvers<void>()
    const sizes: number[] = []
    const reached = Promise.withResolvers<void>()
    const add = async ({ length }: readonly unknown[]) => {
      reached.resolve()
      await gate.promise
      sizes.push(length)
    }
    const refusals = { ...memoryRefusals(), add }
    const log = new RefusalLog({ refusals, now: () => NOW, report: () => {} })
    log.note(refused('a'))
    const writing = [log.write(), log.write()]
    await reached.promise
    repeat(3, () => log.note(refused('b')))
    expect(sizes).toEqual([])
    gate.resolve()
    await Promise.all([...writing, log.close()])
    expect(sizes).toEqual([1, 3])
  })

  test('old refusals are deleted with the first batch, and again after a thousand were written', async () => {
    const { log, state } = openLog()
    log.note(refused('a'))
    await log.write()
    expect(state.forgotten).toBe(1)
    state.time += REFUSALS_KEEP_MS + 1
    for (let i = 0; i < 1_000; i += KIND_BATCH_MAX) {
      repeat(KIND_BATCH_MAX, () => log.note(refused('b')))
      await log.write()
    }
    expect([state.forgotten, (await log.list({ code: 'a' })).length]).toEqual([2, 0])
  })

  test('a text that some database cannot keep is recorded without what it cannot keep', async () => {
    const { log } = openLog()
    log.note(refused('a'))
    expect((await log.list())[0]?.actor).toBe('ada\ufffd\ufffd')
  })
})
