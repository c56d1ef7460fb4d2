// Point 5 of the command path, as a table: what each command of a batch is decided on, and what is appended for it.
import { describe, expect, test } from 'bun:test'
import { spec } from '../definitions/event/events.ts'
import type { Expectation } from '../ports/store/unit.ts'
import { account } from '../test-support/account.ts'
import { buildKey, buildPending } from '../test-support/pending.ts'
import { untraced } from '../ports/trace/trace.ts'
import { decideBatch } from './decide-batch.ts'
import type { PendingCommand } from './pending-command.ts'
import { emptyState } from './stream-state.ts'

const at = { ...emptyState(account[spec]), state: { balance: 10, version: 3 }, version: 3, position: 30 }
const deposit = (cents: number, given: Partial<PendingCommand> = {}) =>
  buildPending(account.deposit('a', { cents, note: '', times: 1 }), given)
const withdraw = (cents: number, given: Partial<PendingCommand> = {}) =>
  buildPending(account.withdraw('a', { cents, note: '' }), given)
const touch = () => buildPending(account.touch('a', {}))
const explode = () => buildPending(account.explode('a', {}))

function decide(commands: readonly PendingCommand[], turn = { isOver: false }) {
  let ids = 0
  return decideBatch('account-a', at, commands, { now: 0, trace: untraced, newId: () => `id ${++ids}`, turn })
}

/** Each command as a word: `+2` accepted with two events so far, `no` rejected, `refused` by a rule, `!3` a precondition that found version 3. */
function read(batch: ReturnType<typeof decide>): readonly string[] {
  return batch.decided.map(one => {
    if (!('outcome' in one)) return `+${one.version}`
    if (one.outcome.outcome === 'refused') return one.outcome.isHidden ? 'hidden' : 'refused'
    return one.outcome.outcome === 'conflict' ? `!${one.outcome.actual}` : one.outcome.code
  })
}

const CASES: readonly (readonly [title: string, commands: () => PendingCommand[], decided: string[], types: string[]])[] = [
  ['a command alone', () => [deposit(1)], ['+4'], ['Deposited']],
  ['a command on the state of the one before', () => [deposit(5), withdraw(15)], ['+4', '+5'], ['Deposited', 'Withdrawn']],
  [
    'a rejection between two others',
    () => [withdraw(10), withdraw(1), deposit(1)],
    ['+4', 'insufficient', '+5'],
    ['Withdrawn', 'Deposited'],
  ],
  ['a decision without events', () => [deposit(1), touch()], ['+4', '+4'], ['Deposited']],
  ['only decisions without events', () => [touch(), withdraw(11)], ['+3', 'insufficient'], []],
  [
    'a command that a rule refuses on the state of the one before, and tells it of no precondition',
    () => [
      deposit(5),
      deposit(1, { expect: 9, authorize: state => (state as { readonly balance: number }).balance < 15 }),
      deposit(1, { authorize: () => 'hidden' }),
      deposit(1, { authorize: () => true }),
    ],
    ['+4', 'refused', 'hidden', '+5'],
    ['Deposited', 'Deposited'],
  ],
  [
    'a precondition that holds at its place',
    () => [deposit(1), deposit(1, { expect: 4 })],
    ['+4', '+5'],
    ['Deposited', 'Deposited'],
  ],
  ['a precondition that holds no more', () => [deposit(1), deposit(1, { expect: 3 })], ['+4', '!4'], ['Deposited']],
]

describe('a batch of one stream', () => {
  test.each(CASES)('a batch of one stream decides %s', (_, commands, decided, types) => {
    const batch = decide(commands())
    expect(read(batch)).toEqual(decided)
    expect(batch.events.map(({ type }) => type)).toEqual(types)
    expect(batch.after.version).toBe(3 + types.length)
  })

  test.each(['exists', 'any', 3] as Expectation[])(
    'a batch of one stream decides a command that expects %s of a stream at version 3',
    expected => {
      expect(read(decide([deposit(1, { expect: expected })]))).toEqual(['+4'])
    },
  )

  test('a batch of one stream leaves a command whose decision throws out, and decides the next on the state before it', () => {
    const commands = [deposit(5), explode(), withdraw(15)]
    const batch = decide(commands)
    expect(read(batch)).toEqual(['+4', '+5'])
    expect(batch.failed).toMatchObject([{ command: commands[1], error: { message: 'a secret of the decision' } }])
  })

  test('a batch of one stream leaves a command whose event JSON would change out', () => {
    const commands = [deposit(Number.NaN), deposit(1)]
    const batch = decide(commands)
    expect(read(batch)).toEqual(['+4'])
    expect(batch.failed.map(({ command }) => command)).toEqual([commands[0]!])
  })

  test('a batch of one stream answers no command by itself', () => {
    const commands = [deposit(1), withdraw(99), explode(), deposit(1, { expect: 9 })]
    decide(commands)
    expect(commands.flatMap(({ outcomes }) => outcomes)).toEqual([])
  })

  test('a batch of one stream stores a key with the events that it stands for, and none for a precondition that failed', () => {
    const key = (name: string) => ({ key: buildKey(name) })
    const { keys } = decide([
      deposit(1, key('accepted')),
      withdraw(99, key('rejected')),
      deposit(1, { expect: 9, ...key('conflict') }),
      deposit(1),
    ])
    expect(keys).toMatchObject([
      { key: 'accepted', stream: 'account-a', version: 4, count: 1, rejection: null },
      {
        key: 'rejected',
        stream: 'account-a',
        version: 4,
        count: 0,
        rejection: '{"code":"insufficient","data":{"balance":11,"version":4}}',
      },
    ])
    expect(keys).toHaveLength(2)
  })

  test('a batch of one stream takes no more commands once its payload has the size of a batch', () => {
    const note = 'x'.repeat(600_000)
    const commands = [1, 2, 3, 4].map(cents => buildPending(account.deposit('a', { cents, note, times: 1 })))
    const batch = decide(commands)
    expect([batch.taken, batch.decided.length]).toEqual([2, 2])
    expect(batch.size).toBeGreaterThan(1_200_000)
  })

  test('a batch of one stream takes no more commands once its turn of the event loop is over, and one at least', () => {
    let decisions = 0
    const turn = {
      get isOver() {
        return decisions++ === 1
      },
    }
    expect(decide([deposit(1), deposit(1), deposit(1)], turn).taken).toBe(2)
    expect(decide([deposit(1), deposit(1)], { isOver: true }).taken).toBe(1)
  })

  test('a batch of one stream gives every event an id of its own', () => {
    expect(decide([deposit(1), deposit(1)]).events.map(({ id }) => id)).toEqual(['id 1', 'id 2'])
  })
})
