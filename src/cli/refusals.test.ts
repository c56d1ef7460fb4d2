// The verb refusals: what it shows, and how it is narrowed.
import { beforeAll, expect, test } from 'bun:test'
import { memory } from '../ports/store/memory.ts'
import type { Store } from '../ports/store/store.ts'
import { runVerb } from '../test-support/run-verb.ts'
import { refusalsVerb } from './refusals.ts'

const HOUR = 3_600_000
let store: Store
beforeAll(async () => {
  store = memory()
  const common = { by: 'decide', stream: 'order-o1', correlation: 'c1', traceId: null } as const
  const shipped = { ...common, command: 'order.ship', actor: null, code: 'not-paid', text: 'It is not paid', more: 7 }
  await store.refusals.add([
    { ...shipped, at: Date.now() - 8 * 24 * HOUR, actor: 'past' },
    { ...shipped, at: Date.now() - 3 * HOUR },
    { ...common, by: 'rule', at: Date.now(), command: 'order.cancel', actor: 'bo\u001bb', code: 'hidden', text: null, more: 0 },
  ])
})
const show = async (values: Record<string, string> = {}) => (await runVerb(refusalsVerb, { store, values })).out
const actorsOf = async (values: Record<string, string>) => {
  const { out } = await runVerb(refusalsVerb, { store, values, json: true })
  return (JSON.parse(out) as readonly { readonly actor: string | null }[]).map(({ actor }) => actor)
}

test('refusals shows who was refused what in the last week and why, the newest first', async () => {
  const rows = (await show()).trimEnd().split('\n')
  expect(rows.map(row => row.split(/ {2,}/).slice(1))).toEqual([
    ['BY', 'COMMAND', 'STREAM', 'ACTOR', 'CORRELATION', 'WHY'],
    ['rule', 'order.cancel', 'order-o1', expect.not.stringContaining('\u001b'), 'c1', 'hidden'],
    ['decide', 'order.ship', 'order-o1', 'nobody', 'c1', 'not-paid (It is not paid) and 7 more'],
  ])
})

test('refusals is narrowed by command, code, actor, time and number', async () => {
  expect(await actorsOf({})).toEqual(['bo\u001bb', null])
  expect(await actorsOf({ command: 'order.ship' })).toEqual([null])
  expect(await actorsOf({ code: 'hidden' })).toEqual(['bo\u001bb'])
  expect(await actorsOf({ actor: 'nobody' })).toEqual([])
  expect(await actorsOf({ since: '2 hours' })).toEqual(['bo\u001bb'])
  expect(await actorsOf({ since: new Date(Date.now() - 4 * HOUR).toISOString() })).toEqual(['bo\u001bb', null])
  expect((await runVerb(refusalsVerb, { store, values: { limit: '1' } })).err).toContain('--limit 2')
  expect(await show({ code: 'none' })).toBe('no command was refused\n')
})

test('refusals refuses a time that is none, and says what it takes', async () => {
  await expect(runVerb(refusalsVerb, { store, values: { since: 'yesterday' } })).rejects.toThrow(
    "such as '2 hours'; found yesterday",
  )
})
