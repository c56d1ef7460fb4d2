import { Database } from 'bun:sqlite'
import { afterEach, expect, test } from 'bun:test'
import { cleanUp, cleanUpLater } from '../../test-support/cleanup.ts'
import { nextTurn } from '../../lib/turns.ts'
import { Statements, STATEMENTS_MAX } from './statements.ts'

afterEach(cleanUp)

function openStatements(): Statements {
  const db = new Database(':memory:')
  const statements = new Statements(db)
  cleanUpLater(() => [statements[Symbol.dispose](), db.close(true)])
  return statements
}
const buildSelect = (i: number) => `select ${i} as value`

test('a statement runs on while so many others are prepared that it is dropped, and is prepared again in the next turn', async () => {
  const statements = openStatements()
  const first = statements.get(buildSelect(0))
  const rows = first.iterate()
  for (let i = 1; i <= STATEMENTS_MAX; i++) statements.get(buildSelect(i))
  expect([...rows, first.get()]).toEqual([{ value: 0 }, { value: 0 }])
  await nextTurn()
  expect(() => first.get()).toThrow('finalized')
  expect(statements.get(buildSelect(0)).get()).toEqual({ value: 0 })
})

test('a statement that was just used is not the one that is dropped', async () => {
  const statements = openStatements()
  const [first, second] = [statements.get(buildSelect(0)), statements.get(buildSelect(1))]
  for (let i = 2; i <= STATEMENTS_MAX; i++) {
    statements.get(buildSelect(i))
    statements.get(buildSelect(0))
  }
  await nextTurn()
  expect(first.get()).toEqual({ value: 0 })
  expect(() => second.get()).toThrow('finalized')
})
