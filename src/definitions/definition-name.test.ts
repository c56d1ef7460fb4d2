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
const makers: Readonly<Record<'-' | '_', Readonly<Record<string, (name: string) => unknown>>>> = {
  '-': {
    projection: name => projection(name, { from, row, initial: {}, evolve: {} }),
    sqlProjection: name => sqlProjection(name, { from, create: handle, handle }),
    query: name => query(name, { params: row, run: async () => 1 }),
    processor: name => processor(name, { from, handle }),
    schedule: name => schedule(name, { every: every('0 3 * * *', { zone: 'UTC' }), to, send: () => to.see('a', {}) }),
    inbox: name => inbox(name, { message: row, command: () => null }),
  },
  _: {
    events: name => events(name, {}),
    processManager: name =>
      processManager(name, { from, to, begins: 'Seen', initial: {}, evolve: {}, react: {}, on: { rejected: () => [] } }),
    saga: name => saga(name, { from, to, begins: { Seen: () => 1 }, steps: [{ run: () => to.see('a', {}) }] }),
  },
}
const rules = {
  '-': 'a name is small letters, digits and -, begins with a letter, and has at most 40 characters',
  _: 'a name is small letters, digits and _, begins with a letter, and has at most 40 characters, as its streams are named name-key',
}

describe.each(['-', '_'] as const)('a name whose words are joined by %p', joint => {
  const other = joint === '-' ? '_' : '-'
  const wrong = ['', 'Orders', 'ordErs', '1st', '-a', '_a', `a${other}b`, 'a b', 'a/b', 'a.b', 'ä', 'x'.repeat(41), '__proto__']

  test.each(Object.keys(makers[joint]))('%s refuses what is no name with the same sentence', kind => {
    for (const name of wrong)
      expect(() => makers[joint][kind]!(name)).toThrow(new TypeError(`${kind}('${name}'): ${rules[joint]}`))
  })

  test.each(Object.keys(makers[joint]))('%s takes a name up to its length', kind => {
    for (const name of ['a', `a${joint}1`, 'x'.repeat(40)]) expect(() => makers[joint][kind]!(name)).not.toThrow()
  })
})
