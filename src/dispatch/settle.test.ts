// Points 8 and 9 of the command path, as tables: what follows from each result of an append.
import { describe, expect, test } from 'bun:test'
import { spec } from '../definitions/event/events.ts'
import { StoreError } from '../ports/store/errors.ts'
import type { StoredEvent } from '../ports/store/event.ts'
import type { StoredKey } from '../ports/store/unit.ts'
import { account } from '../test-support/account.ts'
import { buildKey, buildPending } from '../test-support/pending.ts'
import { untraced } from '../ports/trace/trace.ts'
import type { AppendResult } from './append-batch.ts'
import { decideBatch } from './decide-batch.ts'
import type { PendingCommand } from './pending-command.ts'
import { ATTEMPTS_MAX, settle } from './settle.ts'
import { BATCH_COMMANDS_MAX } from './stream-queue.ts'

const decider = account[spec]
const before = { state: { balance: 10, version: 3 }, version: 3, position: 30, size: 100 }
const at = '2026-01-01T00:00:00.000Z'
const appended: AppendResult = { outcome: 'appended', slices: [{ version: 5, position: 52 }], at }
const refused: AppendResult = { outcome: 'refused', error: new StoreError('refused', 'no') }
const failed: AppendResult = { outcome: 'failed', error: new StoreError('unavailable', 'away') }
const conflictWith = (missed: readonly StoredEvent[] | null): AppendResult => ({
  outcome: 'conflict',
  conflicts: [{ stream: 'account-a', expected: 3, actual: 4, missed }],
})
const foreign: StoredEvent = {
  id: 'f',
  type: 'Deposited',
  schema: decider.events.types.get('Deposited')!.fingerprint,
  data: '{"cents":7,"note":""}',
  meta: '{}',
  stream: 'account-a',
  version: 4,
  position: 40,
  at,
}

const decidedAt = { now: 0, trace: untraced, newId: () => 'id', turn: { isOver: false } }

/** Two deposits with keys and a withdrawal that is rejected, decided as one batch. */
function build(given: Partial<PendingCommand> = {}) {
  const commands = [
    buildPending(account.deposit('a', { cents: 1, note: '', times: 1 }), { key: buildKey('one'), ...given }),
    buildPending(account.deposit('a', { cents: 1, note: '', times: 1 }), { key: buildKey('two'), ...given }),
    buildPending(account.withdraw('a', { cents: 99, note: '' }), given),
  ]
  return { commands, batch: decideBatch('account-a', before, commands, decidedAt) }
}

const calm = { decider, isAssumedNew: false, losses: 0, strain: 0, wins: 0, turn: null }
const buildStoredKey = (key: string): StoredKey => ({
  key,
  fingerprint: `of ${key}`,
  stream: 'account-a',
  version: 1,
  count: 1,
  rejection: null,
  position: 1,
})

describe('an append that was committed', () => {
  test('an append that was committed answers each command with its own version and position', () => {
    const { commands, batch } = build()
    const { answers } = settle(calm, batch, appended)
    expect(answers.map(({ command }) => command)).toEqual(commands)
    expect(answers.map(({ outcome }) => outcome)).toMatchObject([
      { outcome: 'accepted', stream: 'account-a', version: 4, position: 51 },
      { outcome: 'accepted', stream: 'account-a', version: 5, position: 52 },
      { outcome: 'rejected', code: 'insufficient', data: { balance: 12, version: 5 } },
    ])
  })

  test('an append that was committed leaves the state behind its last event', () => {
    const { state } = settle(calm, build().batch, appended).queue
    expect(state).toMatchObject({ state: { balance: 12, version: 5 }, version: 5, position: 52 })
  })

  test('an append that was committed gives a decision without events the position of the event before it', () => {
    const touch = buildPending(account.touch('a', {}))
    const batch = decideBatch('account-a', before, [touch], {
      now: 0,
      trace: untraced,
      newId: () => 'id',
      turn: { isOver: false },
    })
    const { answers, queue } = settle(calm, batch, { outcome: 'appended', slices: [{ version: 3, position: 0 }], at })
    expect(answers[0]!.outcome).toMatchObject({ outcome: 'accepted', version: 3, position: 30 })
    expect(queue.state).toMatchObject({ version: 3, position: 30 })
  })

  test.each([
    [0, false],
    [1, true],
    [5, true],
  ])('an append that was committed after %d lost batches lets others pass while it reads on: %p', (losses, isBehind) => {
    expect(settle({ ...calm, losses }, build().batch, appended).queue).toMatchObject({ losses: 0, isBehind })
  })

  test('an append that was committed in a turn lets nobody pass, and the stream stays contested', () => {
    const queue = { ...calm, losses: 1, strain: 8, turn: { end: () => {}, since: 0, appends: 0 } }
    expect(settle(queue, build().batch, appended).queue).toMatchObject({ losses: 0, isBehind: false, strain: 8, wins: 0 })
    expect(settle({ ...queue, turn: null }, build().batch, appended).queue).toMatchObject({ isBehind: true, strain: 7, wins: 1 })
  })

  test.each([
    [1, true],
    [4, true],
    [5, true],
    [6, false],
    [100, false],
  ])('an append that was committed is worth a snapshot every %d events where it went from 3 to 5: %p', (every, isDue) => {
    const queue = { ...calm, decider: { ...decider, snapshot: { every, fold: 1 } } }
    expect(settle(queue, build().batch, appended).snapshot !== null).toBe(isDue)
  })
})

describe('an append that lost its stream', () => {
  test('an append that lost its stream is sent again on the state with the missed events', () => {
    const { commands, batch } = build()
    const settled = settle(calm, batch, conflictWith([foreign]))
    expect(settled).toMatchObject({ retries: commands, answers: [], isLost: true })
    expect(settled.queue).toMatchObject({ state: { state: { balance: 17 }, version: 4, position: 40 }, losses: 1 })
  })

  test.each([
    ['did not come', null],
    ['cannot be read', [{ ...foreign, schema: 'other', data: '{"cents":"many"}' }]],
    ['are no JSON', [{ ...foreign, data: '{' }]],
  ])('an append that lost its stream reads on from its state where the missed events %s', (_, missed) => {
    const expected = { state: before, isBehind: true, losses: 1 }
    expect(settle(calm, build().batch, conflictWith(missed)).queue).toMatchObject(expected)
    expect(settle({ ...calm, isAssumedNew: true }, build().batch, conflictWith(missed)).queue.state).toBeNull()
  })

  test('an append that lost its stream forgets a state that is ahead of the log', () => {
    const conflicts = [{ stream: 'account-a', expected: 3, actual: 2, missed: null }]
    expect(settle(calm, build().batch, { outcome: 'conflict', conflicts }).queue.state).toBeNull()
  })

  test.each([
    [0, 4],
    [3, 7],
    [8, 8],
  ])('an append that lost its stream strains it from %d to %d', (strain, expected) => {
    expect(settle({ ...calm, strain }, build().batch, conflictWith([foreign])).queue.strain).toBe(expected)
  })

  test('an append that lost its stream counts no loss where the stream was only assumed to be new', () => {
    const settled = settle({ ...calm, isAssumedNew: true }, build().batch, conflictWith([foreign]))
    expect(settled).toMatchObject({ newness: { isNew: false }, queue: { losses: 0, strain: 0, isAssumedNew: false } })
  })

  for (const [what, attempts, retried, outcome] of [
    ['decides its command again', 0, 1, null],
    ['answers its command as unavailable after its last attempt', ATTEMPTS_MAX - 1, 0, 'unavailable'],
  ] as const)
    test(`an append that lost a stream which it only reads keeps its own state, and ${what}`, () => {
      const command = buildPending(account.deposit('a', { cents: 1, note: '', times: 1 }), { attempts })
      const batch = decideBatch('account-a', before, [command], decidedAt)
      const conflicts = [{ stream: 'customer-c', expected: 2, actual: 3, missed: null }]
      const { retries, answers, isLost, queue } = settle(calm, batch, { outcome: 'conflict', conflicts })
      expect([retries.length, answers[0]?.outcome.outcome ?? null, isLost]).toEqual([retried, outcome, true])
      expect(queue).toMatchObject({ state: before, isBehind: false, losses: 0, strain: 0 })
    })

  test('an append that lost its own stream and one that it reads folds what it missed of its own', () => {
    const { batch, commands } = build()
    const other = { stream: 'customer-c', expected: 2, actual: 3, missed: null }
    const conflicts = [other, { stream: 'account-a', expected: 3, actual: 4, missed: [foreign] }]
    const { retries, queue } = settle(calm, batch, { outcome: 'conflict', conflicts })
    expect([retries, queue.state]).toMatchObject([commands, { version: 4, state: { balance: 17 } }])
  })

  test('an append that lost its stream answers a command with the conflict after its last attempt', () => {
    const { batch } = build({ attempts: ATTEMPTS_MAX - 1 })
    const { retries, answers } = settle(calm, batch, conflictWith([foreign]))
    expect(retries).toEqual([])
    expect(answers.map(({ outcome }) => outcome)).toEqual(Array(3).fill({ outcome: 'conflict', expected: 3, actual: 4 }))
  })
})

describe('an append whose keys were used before', () => {
  test('an append whose keys were used before hands out the stored outcomes, and sends the rest by itself', () => {
    const { commands, batch } = build()
    const settled = settle(calm, batch, { outcome: 'duplicate', keys: [buildStoredKey('two')] })
    expect(settled.duplicates).toEqual([{ command: commands[1]!, stored: buildStoredKey('two') }])
    expect(settled).toMatchObject({ retries: [commands[0], commands[2]], answers: [], isLost: false })
    expect(settled.queue).toMatchObject({ state: before, batchMax: 2 })
  })

  test('an append whose keys were used before keeps the assumption that the stream is new, as nothing was learned of it', () => {
    const settled = settle({ ...calm, isAssumedNew: true }, build().batch, {
      outcome: 'duplicate',
      keys: [buildStoredKey('one')],
    })
    expect(settled).toMatchObject({ newness: null, queue: { isAssumedNew: true } })
  })
})

describe('an append that was refused', () => {
  test('an append that was refused is sent again in halves', () => {
    const { commands, batch } = build()
    const settled = settle(calm, batch, refused)
    expect(settled).toMatchObject({ retries: commands, failures: [], queue: { state: before, batchMax: 1 } })
  })

  test('an append that was refused fails its command where that is alone', () => {
    const command = buildPending(account.deposit('a', { cents: 1, note: '', times: 1 }))
    const batch = decideBatch('account-a', before, [command], {
      now: 0,
      trace: untraced,
      newId: () => 'id',
      turn: { isOver: false },
    })
    const settled = settle(calm, batch, refused)
    expect(settled.failures).toEqual([{ command, error: (refused as { error: unknown }).error }])
    expect(settled.queue).toMatchObject({ state: before, batchMax: BATCH_COMMANDS_MAX })
  })
})

describe('an append that the store did not do', () => {
  test.each([
    [false, before],
    [true, null],
  ])(
    'an append that the store did not do fails its commands and reads on, where it assumed a new stream (%p) from %p',
    (isAssumedNew, state) => {
      const { commands, batch } = build()
      const settled = settle({ ...calm, isAssumedNew }, batch, failed)
      expect(settled.failures.map(({ command }) => command)).toEqual(commands)
      expect(settled).toMatchObject({ retries: [], answers: [], queue: { state, isBehind: true, isAssumedNew: false } })
    },
  )
})

test.each([
  ['appended', appended],
  ['conflict', conflictWith([foreign])],
  ['duplicate', { outcome: 'duplicate', keys: [buildStoredKey('one')] } as AppendResult],
  ['refused', refused],
  ['failed', failed],
])('every command of a batch has exactly one fate after %s', (_, result) => {
  const { commands, batch } = build()
  const { answers, duplicates, failures, retries } = settle(calm, batch, result)
  const fates = [...answers, ...duplicates, ...failures].map(({ command }) => command)
  expect([...fates, ...retries]).toHaveLength(commands.length)
  expect(new Set([...fates, ...retries])).toEqual(new Set(commands))
  expect(commands.flatMap(({ outcomes }) => outcomes)).toEqual([])
})
