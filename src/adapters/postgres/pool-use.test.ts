import { expect, test } from 'bun:test'
import { limitConcurrency } from '../../lib/semaphore.ts'
import { Metrics } from '../../metrics/registry.ts'
import { seriesOf } from '../../test-support/series.ts'
import { PoolUse, readPools } from './pool-use.ts'

test('the use of a pool says who has a connection and who waits, also of those who give up waiting', async () => {
  const metrics = new Metrics()
  const use = new PoolUse('reader', 1, metrics)
  const inTurn = limitConcurrency(1)
  const first = Promise.withResolvers<void>()
  const ask = (held: Promise<void>, waitMs: number) =>
    use.watch(begin =>
      inTurn(
        () => {
          begin()
          return held
        },
        { waitMs, lateError: () => new Error('late') },
      ),
    )
  const running = ask(first.promise, 60_000)
  const waiting = ask(Promise.resolve(), 60_000)
  const impatient = ask(Promise.resolve(), 0)
  const shown = () => [use.used, use.pending]
  expect(shown()).toEqual([1, 2])
  expect(readPools([use])).toEqual({
    'db.client.connection.count': [
      { values: ['reader', 'used'], value: 1 },
      { values: ['reader', 'idle'], value: 0 },
    ],
    'db.client.connection.pending_requests': [{ values: ['reader'], value: 2 }],
  })
  await expect(impatient).rejects.toThrow('late')
  expect(shown()).toEqual([1, 1])
  first.resolve()
  await Promise.all([running, waiting])
  expect(shown()).toEqual([0, 0])
  expect(await seriesOf(metrics, 'db.client.connection.wait_time')).toEqual({ reader: 2 })
})
