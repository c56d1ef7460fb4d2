import { expect, test } from 'bun:test'
import { sqlTableName } from './sql-projection.ts'

test("a SQL projection's table has the name of its version in front, and is refused where PostgreSQL would cut its name", () => {
  const subscription = `sql_${'x'.repeat(40)}_v1`
  expect(sqlTableName(subscription, 'y'.repeat(15))).toBe(`${subscription}_${'y'.repeat(15)}`)
  expect(() => sqlTableName(subscription, 'y'.repeat(16))).toThrow('has 64 bytes, and a table')
})
