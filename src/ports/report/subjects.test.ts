import { expect, test } from 'bun:test'
import { subjectNameOf, subjectsOf } from './subjects.ts'

test.each([
  [{ subscription: 'orders_v1', projection: 'orders' }, ['subscription orders_v1', 'projection orders'], 'orders_v1'],
  [{ schedule: 'nightly' }, ['schedule nightly'], 'nightly'],
  [{ process: 'shipping', key: 'o1' }, ['process shipping'], 'shipping'],
  [{ detector: 'lag', owner: undefined }, ['detector lag'], 'lag'],
  [{ key: 'o1', position: 7 }, [], ''],
])('the record with %j is about %j, and is counted under the name of the first', (fields, subjects, name) => {
  expect([subjectsOf(fields), subjectNameOf(fields)]).toEqual([subjects, name])
})
