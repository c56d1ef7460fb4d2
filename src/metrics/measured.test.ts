import { expect, test } from 'bun:test'
import { DamagedStream } from '../ports/store/sequence.ts'
import { BrokenPromise } from '../ports/report/broken-promise.ts'
import { Notice } from '../ports/report/notice.ts'
import { seriesOf } from '../test-support/series.ts'
import { measureReport } from './measured.ts'
import { Metrics } from './registry.ts'

const notice = (code: string, fields: Notice['fields'], cause?: unknown) =>
  new Notice({ level: 'warn', code, message: 'x', fields, cause })

test('a broken promise counts wherever it is reported, also as the cause of a cause, and is 0 before', async () => {
  const metrics = new Metrics()
  const report = measureReport(() => {}, metrics)
  const none = { order: 0, freshness: 0, clock: 0, immutability: 0, rows: 0, once: 0 }
  expect(await seriesOf(metrics, 'emaki.promise.breaches')).toEqual(none)
  const damaged = new DamagedStream({ stream: 'a-1', version: 3, position: 9 }, 2)
  report(notice('request-failed', {}, new Error('the fold failed', { cause: damaged })))
  report(damaged)
  report(new BrokenPromise('freshness', 'too old'))
  report(notice('request-failed', {}, new Error('a bug')))
  expect(await seriesOf(metrics, 'emaki.promise.breaches')).toEqual({ ...none, order: 2, freshness: 1 })
})

test('what was parked counts by keys, also where one notice tells of several, and so do takeovers', async () => {
  const metrics = new Metrics()
  const report = measureReport(() => {}, metrics)
  for (const key of ['a', 'b']) report(notice('key-parked', { subscription: 'orders_v1', key }))
  report(notice('keys-parked', { subscription: 'orders_v1', parked: 7 }))
  report(notice('still-parked', { subscription: 'orders_v1', parked: 9 }))
  report(notice('taken-over', { subscription: 'mails' }))
  expect(await seriesOf(metrics, 'emaki.subscription.parkings')).toEqual({ orders_v1: 9 })
  expect(await seriesOf(metrics, 'emaki.subscription.takeovers')).toEqual({ mails: 1 })
})
