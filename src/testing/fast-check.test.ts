import { expect, test } from 'bun:test'
import { requireFastCheck } from './fast-check.ts'

test('what needs fast-check says how to install it where it is missing, and nothing where it is there', () => {
  expect(() => requireFastCheck('any', null)).toThrow('any needs fast-check, which is not installed: bun add -d fast-check')
  expect(() => requireFastCheck('any')).not.toThrow()
})
