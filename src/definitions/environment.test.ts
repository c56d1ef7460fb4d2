import { expect, test } from 'bun:test'
import { isProduction } from './environment.ts'

test.each([
  [true, ['production', 'Production', 'prod', 'staging', 'dev', ' ']],
  [false, ['development', 'test', '', undefined]],
])('production is %p of each of these environments', (expected, environments) => {
  expect(environments.map(isProduction)).toEqual(environments.map(() => expected))
})
