// One rule for the data of a rejection, with an idempotency key and without.
import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { decider } from '../definitions/decider/decider.ts'
import { reject } from '../definitions/decider/reject.ts'
import { events } from '../definitions/event/events.ts'
import { client, expectProblem } from '../test-support/http.ts'
import { openBank } from '../test-support/bank.ts'

const Gate = events('gate', { Opened: z.object({}) })
const gate = decider(Gate, {
  initial: {},
  evolve: { Opened: state => state },
  commands: { open: z.object({}), force: z.object({}) },
  decide: {
    open: () => reject('shut', { since: '1970-01-01', by: undefined }),
    // The types refuse it.
    force: () => reject('shut', { since: new Date(0) } as never),
  },
})

describe('a rejection', () => {
  test('a rejection has the same data with a key, without one, and when it is replayed', async () => {
    const { emaki } = await openBank({ serve: [gate] })
    const rejected = { outcome: 'rejected', code: 'shut', data: { since: '1970-01-01' } } as const
    for (const options of [{}, { key: 'k' }]) expect(await emaki.send(gate.open('g', {}), options)).toStrictEqual(rejected)
    expect(await emaki.send(gate.open('g', {}), { key: 'k' })).toStrictEqual({ ...rejected, replayed: true })
  })

  test('a rejection with data that JSON would change fails the command in the same way with a key and without', async () => {
    const { emaki } = await openBank({ serve: [gate] })
    for (const options of [{}, { key: 'k' }, { key: 'k' }])
      await expect(emaki.send(gate.force('g', {}), options)).rejects.toThrow('/data/since: Date is no JSON')
  })

  test('a rejection with data that JSON would change answers 500 by HTTP, with a key and without', async () => {
    const { post } = client({ serve: [gate] })
    for (const headers of [{}, { 'Idempotency-Key': 'k' }, { 'Idempotency-Key': 'k' }])
      expectProblem(await post('/gate/g/force', {}, headers), 'internal', { requestId: expect.any(String) })
    for (const headers of [{}, { 'Idempotency-Key': 'l' }])
      expectProblem(await post('/gate/g/open', {}, headers), 'command-rejected', { code: 'shut', data: { since: '1970-01-01' } })
  })
})
