import { expect, test } from 'bun:test'
import { memoryReadModel } from '../ports/read-model/memory.ts'
import { until } from '../test-support/servers/until.ts'
import { holdLease } from './hold-lease.ts'

test('a lease whose work could not begin is taken anew, and the work begins', async () => {
  const stop = new AbortController()
  const begun: number[] = []
  const codes: unknown[] = []
  let ended = 0
  const holding = holdLease(
    {
      ...{ readModel: memoryReadModel({ now: () => 0 }), name: 'one', owner: 'a', leaseMs: 4, what: 'one', mend: 'It waits.' },
      report: one => codes.push((one as { readonly code: string }).code),
      begin: async epoch => {
        if (begun.push(epoch) === 1) throw new Error('the store is away')
      },
      end: async () => void ended++,
    },
    stop.signal,
  )
  await until('it begins again', () => codes.includes('retry-ended'))
  stop.abort()
  await holding
  expect(begun.length).toBe(2)
  expect(ended).toBe(1)
})
