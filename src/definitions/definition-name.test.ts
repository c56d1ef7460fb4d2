import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { inbox } from '../dispatch/inbox.ts'
import { decider } from './decider/decider.ts'
import { events } from './event/events.ts'
import { processManager } from './process/process.ts'
import { saga } from './process/saga.ts'
import { processor } from './processor.ts'
import { projection } from './projection/projection.ts'
import { sqlProjection } from './projection/sql-projection.ts'
import { query } from './query.ts'
import { every } from './recurrence.ts'
import { schedule } from './schedule.ts'

const from = events('fact', { Seen: z.object({}) })
const to = decider(from, { initial: {}, evolve: { Seen: s => s }, commands: { see: z.object({}) }, decide: { see: () => [] } })
const handle = () => {}
const row = z.object({})

// Types refuse the same names: see test-support/types/misnamed.ts.
const makers: Readonly<Record<'-' | '_' | 'family', Readonly<Record<string, (name: string) => unknown>>>> = {
  '-': {
    projection: name => projection(name, { from, row, initial: {}, evolve: {} }),
    sqlProjection: name => sqlProjection(name, { from, create: handle, handle }),
    query: name => query(name, { params: row, run: async () => 1 }),
    processor: name => processor(name, { from, handle }),
    schedule: name => schedule(name, { every: every('0 3 * * *', { zone: 'UTC' }), to, send: () => to.see('a', {}) }),
    inbox: name => inbox(name, { message: row, command: () => null }),
  },
  family: { events: name => events(name, {}) },
  _: {
    processManager: name =>
      processManager(name, { from, to, begins: 'Seen', initial: {}, evolve: {}, react: {}, on: { rejected: () => [] } }),
    saga: name => saga(name, { from, to, begins: { Seen: () => 1 }, steps: [{ run: () => to.see('a', {}) }] }),
  },
}
const rules = {
  '-': 'a name is small letters, digits and -, begins with a letter, and has at most 40 characters',
  _: 'a name is small letters, digits and _, begins with a letter, and has at most 40 characters, as its streams are named name-key',
  family:
    'the name of a family is letters, digits and _, begins with a letter, and has at most 63 characters, as its streams are named name-key',
}
const never = ['', '1st', '-a', '_a', 'a b', 'a/b', 'a.b', 'ä', 'ſ', '\u212a', 'a\n', '__proto__']
const wrong = {
  '-': [...never, 'Orders', 'ordErs', 'a_b', 'x'.repeat(41)],
  _: [...never, 'Orders', 'ordErs', 'a-b', 'x'.repeat(41)],
  family: [...never, 'Order-1', 'a-b', 'X'.repeat(64)],
}
const right = {
  '-': ['a', 'a-1', 'x'.repeat(40)],
  _: ['a', 'a_1', 'x'.repeat(40)],
  family: ['a', 'a_1', 'Order', 'ordEr', 'X'.repeat(63)],
}

describe.each(['-', '_', 'family'] as const)('the rule %p of names', rule => {
  test.each(Object.keys(makers[rule]))('%s refuses what is no name with the same sentence', kind => {
    for (const name of wrong[rule])
      expect(() => makers[rule][kind]!(name)).toThrow(new TypeError(`${kind}('${name}'): ${rules[rule]}`))
  })

  test.each(Object.keys(makers[rule]))('%s takes a name up to its length', kind => {
    for (const name of right[rule]) expect(() => makers[rule][kind]!(name)).not.toThrow()
  })
})
