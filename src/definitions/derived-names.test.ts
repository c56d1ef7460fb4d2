import { expect, test } from 'bun:test'
import { z } from 'zod'
import { memory } from '../ports/store/memory.ts'
import { runtime } from '../runtime.ts'
import { decider } from './decider/decider.ts'
import { type Served, sortDefinitions } from './definition.ts'
import { events } from './event/events.ts'
import { processManager } from './process/process.ts'
import { projection } from './projection/projection.ts'
import { sqlProjection } from './projection/sql-projection.ts'

const from = events('fact', { Seen: z.object({}) })
const to = decider(from, { initial: {}, evolve: { Seen: s => s }, commands: { see: z.object({}) }, decide: { see: () => [] } })
const on = { rejected: () => [] }
const processOf = (name: string) => processManager(name, { from, to, on, begins: 'Seen', initial: {}, evolve: {}, react: {} })
const rowsOf = (name: string, version = 1) => projection(name, { from, version, row: z.object({}), initial: {}, evolve: {} })
const tablesOf = (name: string) => sqlProjection(name, { from, create: () => {}, handle: () => {} })

const clashes: readonly (readonly [Served, Served, string])[] = [
  [
    processOf('x'),
    rowsOf('process-x'),
    'the process x and the projection process-x would have one name in the store, process_x_v…',
  ],
  [
    processOf('x_v3'),
    rowsOf('process-x', 3),
    'the process x_v3 and the projection process-x would have one name in the store, process_x_v3',
  ],
  [rowsOf('sql-x', 7), tablesOf('x'), 'the projection sql-x and the sql-projection x would have one name in the store, sql_x_v…'],
  [
    rowsOf('rebuild-x'),
    rowsOf('x'),
    'the projection rebuild-x and the projection x would have one name in the store, rebuild_x_v…',
  ],
]

test.each(clashes)(
  'two definitions whose tables or leases would have one name are refused by both names: %#',
  (one, other, text) => {
    for (const serve of [
      [to, one, other],
      [other, to, one],
    ])
      expect(() => sortDefinitions(serve)).toThrow(TypeError)
    expect(() => sortDefinitions([to, one, other])).toThrow(`${text}: rename one`)
    expect(runtime({ serve: [to, one, other], store: memory() })).rejects.toThrow(`${text}: rename one`)
  },
)

test('definitions whose names in the store differ are served together', () => {
  const names = ['x', 'x-v1', 'sql', 'process', 'process-y', 'rebuild', 'x-g2', 'a-b', 'ab']
  const serve = [to, ...names.map(name => rowsOf(name)), processOf('x'), processOf('x_y'), tablesOf('y'), tablesOf('x-v1')]
  expect(() => sortDefinitions(serve)).not.toThrow()
})
