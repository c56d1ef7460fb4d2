// A saga that cannot undo a step, and what somebody can do about it.
import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { recordEvent } from '../../testing/saga-orders.ts'
import { decider } from '../decider/decider.ts'
import { events, spec } from '../event/events.ts'
import { advanceInstance, NO_INSTANCE, type ProcessInstance, splitOutbox } from './instance.ts'
import { saga } from './saga.ts'
import type { SagaState } from './saga-state.ts'

const none = z.object({})
const Deal = events('deal', { Begun: none })
const deal = decider(Deal, {
  initial: {},
  evolve: { Begun: s => s },
  commands: { hold: none, free: none, close: none, fail: none },
  decide: { hold: () => [], free: () => [], close: () => [], fail: () => [] },
})
const selling = saga('selling', {
  from: Deal,
  to: deal,
  begins: { Begun: () => ({}) },
  steps: [
    { run: (_, key) => deal.hold(`first-${key}`, {}), undo: (_, key) => deal.free(`first-${key}`, {}) },
    {
      run: (_, key) => [deal.hold(`a-${key}`, {}), deal.hold(`b-${key}`, {})],
      undo: (_, key) => [deal.free(`a-${key}`, {}), deal.free(`b-${key}`, {})],
    },
    { run: (_, key) => deal.close(key, {}) },
  ],
  undone: (_, __, key) => deal.fail(key, {}),
})[spec]

/** Drives an instance by hand: each command waits to be answered, each timer to be fired. */
class Drive {
  #instance: ProcessInstance = NO_INSTANCE
  #position = 0
  #sent: { readonly text: string; readonly label: string | undefined; readonly data: object }[] = []

  tell(category: string, type: string, data: object = {}): void {
    const event = recordEvent({ category, type, data }, 'd1', ++this.#position, 0)
    const { instance, changes } = splitOutbox(advanceInstance(selling, this.#instance, event, 'd1'))
    this.#instance = instance ?? NO_INSTANCE
    for (const change of changes)
      if (!('isCancelled' in change) && change.timer === null)
        this.#sent.push({
          text: `${change.command!.command} ${change.command!.id}`,
          label: change.meta.label,
          data: { by: change.id, command: change.command },
        })
  }

  get state(): SagaState {
    return this.#instance.state as SagaState
  }

  /** The commands that have no answer yet. */
  get sent(): readonly string[] {
    return this.#sent.map(({ text }) => text)
  }

  /** Answers all commands that were sent, those of some texts by a refusal. */
  answer(refused: readonly string[] = []): void {
    for (const { text, label, data } of this.#sent.splice(0)) {
      const isRefused = refused.includes(text)
      this.tell('selling', isRefused ? 'Rejected' : 'Accepted', { ...data, label, code: isRefused ? 'jammed' : 'accepted' })
    }
  }

  /** Answers all commands as an earlier release did, which did not number them. */
  answerUnnumbered(): void {
    for (const { label, data } of this.#sent.splice(0)) {
      const unnumbered = label?.split(':').slice(0, 3).join(':')
      this.tell('selling', 'Accepted', { ...data, label: unnumbered, code: 'accepted' })
    }
  }

  fire(): void {
    for (const [timer, { set }] of Object.entries(this.#instance.timers)) this.tell('selling', 'Due', { timer, set })
  }
}

function driveUntilStuck(): Drive {
  const drive = new Drive()
  drive.tell('deal', 'Begun')
  drive.answer()
  drive.answer()
  drive.answer(['close d1'])
  for (let i = 0; i < 6; i++) {
    drive.answer(['free b-d1'])
    drive.fire()
  }
  return drive
}

describe('a saga that cannot undo a step', () => {
  test('a saga that cannot undo a step is stuck after six attempts, and has undone nothing before that step', () => {
    const { state, sent } = driveUntilStuck()
    expect(state).toMatchObject({ status: 'stuck', failure: { step: 2, code: 'jammed' } })
    expect(state.parts.map(({ status }) => status)).toEqual(['done', 'stuck', 'failed', 'waiting'])
    expect([selling.stuckBy(state), sent]).toEqual(['step 2 cannot be undone: jammed', []])
  })

  test('a saga that is resumed sends only the commands that were not accepted, and goes on', () => {
    const drive = driveUntilStuck()
    drive.tell('selling', 'Resumed')
    expect([selling.stuckBy(drive.state), drive.sent]).toEqual([null, ['free b-d1']])
    drive.answer()
    expect(drive.sent).toEqual(['free first-d1'])
    drive.answer()
    expect([drive.state.status, drive.sent]).toEqual(['undone', ['fail d1']])
  })

  test('a saga that is resumed in vain is stuck again', () => {
    const drive = driveUntilStuck()
    drive.tell('selling', 'Resumed')
    for (let i = 0; i < 6; i++) {
      drive.answer(['free b-d1'])
      drive.fire()
    }
    expect(selling.stuckBy(drive.state)).toBe('step 2 cannot be undone: jammed')
  })

  test('a saga whose stuck step is skipped undoes the steps before it', () => {
    const drive = driveUntilStuck()
    drive.tell('selling', 'Skipped')
    expect(drive.sent).toEqual(['free first-d1'])
    drive.answer()
    expect([drive.state.status, drive.sent]).toEqual(['undone', ['fail d1']])
  })

  test('a saga that is closed ends as it is, and hears no answer any more', () => {
    const drive = driveUntilStuck()
    drive.tell('selling', 'Resumed')
    drive.tell('selling', 'Closed')
    drive.answer()
    expect([drive.state, drive.sent]).toEqual([null as never, []])
  })

  test('a saga whose last commands are refused tries them again, is stuck, and goes on when it is resumed', () => {
    const drive = driveUntilStuck()
    drive.tell('selling', 'Skipped')
    drive.answer()
    for (let i = 0; i < 6; i++) {
      expect(drive.sent).toEqual(['fail d1'])
      drive.answer(['fail d1'])
      drive.fire()
    }
    expect([drive.sent, selling.stuckBy(drive.state)]).toEqual([[], 'its last commands are refused: jammed'])
    drive.tell('selling', 'Resumed')
    drive.answer()
    expect([drive.state.status, drive.sent, selling.stuckBy(drive.state)]).toEqual(['undone', [], null])
  })

  test('a saga counts answers that an earlier release recorded without the numbers of the commands', () => {
    const drive = new Drive()
    drive.tell('deal', 'Begun')
    for (let i = 0; i < 3; i++) drive.answerUnnumbered()
    expect([drive.state.status, drive.sent]).toEqual(['done', []])
  })

  test('a saga that is not stuck is changed neither by Resumed nor by Skipped', () => {
    const drive = new Drive()
    drive.tell('deal', 'Begun')
    const before = drive.state
    drive.tell('selling', 'Resumed')
    drive.tell('selling', 'Skipped')
    expect([drive.state, drive.sent]).toEqual([before, ['hold first-d1']])
  })
})
