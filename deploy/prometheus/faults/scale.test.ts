import { expect, test } from 'bun:test'
import { RULES, readRules } from '../asked.ts'
import { FACTOR, scaleRules } from './scale.ts'

const rule = (expr: string, more: object = {}) =>
  JSON.stringify({ groups: [{ name: 'g', rules: [{ alert: 'A', expr, ...more }] }] })

test.each([
  ['rate(a[5m]) > 0.25', '10m', 'rate(a[10s]) > 0.25', '20s'],
  ['rate(a[1m]) == 0', '1m', 'rate(a[10s]) == 0', '6s'],
  ['rate(a[6h]) > 0.006', '15m', 'rate(a[720s]) > 0.006', '30s'],
  ['max(emaki_agenda_due_time_seconds) > 60', '30s', 'max(emaki_agenda_due_time_seconds) > 3', '6s'],
  ['emaki:subscription_lag_time_seconds:max > 300', '2m', 'emaki:subscription_lag_time_seconds:max > 10', '6s'],
  ['max(emaki_stall_time_seconds{cause=~"lock-.*"}) > 5', '1m', 'max(emaki_stall_time_seconds{cause=~"lock-.*"}) > 3', '6s'],
  ['predict_linear(a[6h], 86400) < 0', '30m', 'predict_linear(a[720s], 2880) < 0', '60s'],
  ['process_uptime_seconds > 7200', '30m', 'process_uptime_seconds > 240', '60s'],
])('the rule %s for %s is %s for %s in a thirtieth of the time', (expr, during, scaledExpr, scaledFor) => {
  const [one] = readRules(scaleRules(rule(expr, { for: during }), 30))
  expect(one).toMatchObject({ expr: scaledExpr, for: scaledFor })
})

test('the rules that are deployed have no time left that is longer than half an hour once they are scaled', () => {
  const scaled = readRules(scaleRules(RULES, FACTOR))
  expect(scaled).toHaveLength(readRules().length)
  const times = scaled.flatMap(({ expr, for: during = '0s' }) => [...`${expr} [${during}]`.matchAll(/\[(\d+)([smhd])\]/g)])
  expect(times.filter(([, , unit]) => unit !== 's')).toEqual([])
  expect(times.map(([, n]) => Number(n)).filter(n => n > 1_800 && n !== 2_880)).toEqual([])
})
