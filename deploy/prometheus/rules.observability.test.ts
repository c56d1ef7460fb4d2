// Each alert by Prometheus' own test of rules: when it fires, and when it does not yet.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureDebian } from '../../src/test-support/servers/debian.ts'
import { RULES, readRules } from './asked.ts'

type Series = Readonly<Record<string, string>>
type Case = {
  readonly alert: string
  /** A value each 10 s, in Prometheus' notation. */
  readonly series: Series
  /** When it does not fire yet, and when it does. */
  readonly not: string
  readonly fires: string
}

const of = 'job="shop",instance="a"'
const subscription = `${of},emaki_subscription="orders_v1"`
const requests = (status: string) =>
  `http_server_request_duration_seconds_count{${of},http_request_method="GET",http_route="/",http_response_status_code="${status}"}`
const commands = (outcome: string) =>
  `emaki_command_duration_seconds_count{${of},emaki_command="order.place",outcome="${outcome}"}`

const CASES: readonly Case[] = [
  {
    alert: 'EmakiDown',
    series: { [`emaki_build_info{${of},version="1",bun="1"}`]: '1x30 _x60', [`up{${of}}`]: '1x30 0x60' },
    not: '5m',
    fires: '7m',
  },
  {
    alert: 'EmakiErrorBudgetFast',
    series: { [requests('200')]: '0+98x400', [requests('503')]: '0+2x400' },
    not: '1m',
    fires: '10m',
  },
  {
    alert: 'EmakiErrorBudgetSlow',
    series: { [requests('200')]: '0+99x400', [requests('500')]: '0+1x400' },
    not: '10m',
    fires: '30m',
  },
  {
    alert: 'EmakiAppendStalled',
    series: {
      [`emaki_command_waiting{${of}}`]: '0x30 3x60',
      [`emaki_append_duration_seconds_count{${of},outcome="done"}`]: '0+5x30 150x60',
    },
    not: '5m30s',
    fires: '8m',
  },
  {
    alert: 'EmakiAppendSlow',
    series: {
      [`emaki_append_duration_seconds_bucket{${of},outcome="appended",le="0.25"}`]: '0+1x90',
      [`emaki_append_duration_seconds_bucket{${of},outcome="appended",le="0.5"}`]: '0+100x90',
      [`emaki_append_duration_seconds_bucket{${of},outcome="appended",le="+Inf"}`]: '0+100x90',
    },
    not: '4m',
    fires: '7m',
  },
  {
    alert: 'EmakiConflicts',
    series: { [commands('accepted')]: '0+90x90', [commands('conflict')]: '0+10x90' },
    not: '4m',
    fires: '7m',
  },
  {
    alert: 'EmakiLagging',
    series: { [`emaki_subscription_lag_time_seconds{${subscription},kind="projection"}`]: '0x30 0+10x60' },
    not: '6m30s',
    fires: '9m',
  },
  {
    alert: 'EmakiStuck',
    series: {
      [`emaki_subscription_lag{${subscription},kind="projection"}`]: '0x30 7x60',
      [`emaki_subscription_position{${subscription},kind="projection"}`]: '0+5x30 150x60',
      [`emaki_subscription_events_total{${subscription}}`]: '0+5x30 150x60',
    },
    not: '8m',
    fires: '10m',
  },
  { alert: 'EmakiUnowned', series: { [`emaki_subscription_owner{${subscription}}`]: '1x30 0x60' }, not: '5m20s', fires: '6m' },
  { alert: 'EmakiFailing', series: { [`emaki_subscription_failing{${subscription}}`]: '0x30 1x60' }, not: '6m', fires: '8m' },
  { alert: 'EmakiRetrying', series: { [`emaki_retry_open{${subscription}}`]: '0x30 1x60' }, not: '9m', fires: '11m' },
  {
    alert: 'EmakiOverdue',
    series: { [`emaki_agenda_due_time_seconds{${of},emaki_subscription="commands"}`]: '0x30 0+10x60' },
    not: '6m',
    fires: '8m',
  },
  {
    alert: 'EmakiTakeovers',
    series: { [`emaki_subscription_takeovers_total{${subscription}}`]: '1x30 2 3 4 5 5x60' },
    not: '5m',
    fires: '8m',
  },
  {
    alert: 'EmakiParked',
    series: { [`emaki_subscription_parked{${subscription},what="key"}`]: '0x30 1x60' },
    not: '4m',
    fires: '6m',
  },
  {
    alert: 'EmakiLockHeld',
    series: {
      [`emaki_stall_time_seconds{${of},cause="lock-idle"}`]: '0x30 5 10x60',
      [`emaki_stall_time_seconds{${of},cause="retry"}`]: '60x90',
    },
    not: '5m10s',
    fires: '5m20s',
  },
  {
    alert: 'EmakiLoopBlocked',
    series: { [`nodejs_eventloop_delay_p99_seconds{${of}}`]: '0x30 0.2x60' },
    not: '9m',
    fires: '11m',
  },
  {
    alert: 'EmakiFinding',
    series: { [`emaki_finding_open{${of},emaki_detector="rates",emaki_event="order.Placed"}`]: '0x30 1x60' },
    not: '4m',
    fires: '6m',
  },
  {
    alert: 'EmakiPromiseBroken',
    series: { [`emaki_promise_breaches_total{${of},promise="order"}`]: '0x30 1x30' },
    not: '5m',
    fires: '5m30s',
  },
  {
    // As kept in the store: it stays until somebody has mended it.
    alert: 'EmakiPromiseBroken',
    series: { [`emaki_promise_broken{${of},promise="rows"}`]: '0x30 1x60' },
    not: '5m',
    fires: '14m',
  },
  {
    alert: 'EmakiReceiverDown',
    series: { [`emaki_delivery_open{${of},emaki_subscription="partner"}`]: '0x30 1x60' },
    not: '9m30s',
    fires: '11m',
  },
  {
    alert: 'EmakiPoolExhausted',
    // What waits only now and then does not count.
    series: { [`db_client_connection_pending_requests{${of},db_client_connection_pool_name="reader"}`]: '3 0 3 0x27 3x60' },
    not: '6m30s',
    fires: '8m',
  },
  {
    alert: 'EmakiNotListening',
    series: { [`emaki_store_listening{${of}}`]: '1x30 0x120' },
    not: '19m',
    fires: '21m',
  },
  {
    alert: 'EmakiDiskFills',
    // 100 MB that shrink by 20 KB each 10 s are gone in 14 hours.
    series: { [`emaki_store_free_bytes{${of}}`]: '100000000-20000x500' },
    not: '29m',
    fires: '40m',
  },
  {
    alert: 'EmakiMemoryGrows',
    // It grows from the beginning, but counts only once the process runs for two hours.
    series: {
      [`process_memory_usage_bytes{${of}}`]: '100000000+100000x1000',
      [`process_uptime_seconds{${of}}`]: '0+10x1000',
    },
    not: '2h25m',
    fires: '2h35m',
  },
  {
    alert: 'EmakiTelemetryDropped',
    series: { [`emaki_telemetry_dropped_total{${of},metric="x"}`]: '0x30 3x60' },
    not: '4m',
    fires: '6m',
  },
]

const folder = mkdtempSync(join(tmpdir(), 'emaki-rules-'))
beforeAll(() => ensureDebian(['prometheus', 'prometheus-alertmanager']))
afterAll(() => rmSync(folder, { recursive: true }))

describe('alerts', () => {
  test('each alert has a case', () => {
    const alerts = readRules().flatMap(({ alert }) => alert ?? [])
    expect([...new Set(CASES.map(({ alert }) => alert))].toSorted()).toEqual(alerts.toSorted())
  })

  for (const one of CASES)
    test(`the alert ${one.alert} fires for its fault, and not before`, () => {
      expect(judge(one, RULES)).toBe('SUCCESS')
    })

  for (const [fault, wrong] of [
    ['fires too early', RULES.replaceAll('for: 30s', 'for: 0s')],
    ['never fires', RULES.replaceAll('(emaki_subscription_owner) == 0', '(emaki_subscription_owner) == 2')],
  ] as const)
    test(`the test of rules finds an alert that ${fault}`, () => {
      expect(wrong).not.toBe(RULES)
      expect(judge(CASES.find(({ alert }) => alert === 'EmakiUnowned')!, wrong)).toContain('FAILED')
    })

  test('Prometheus and Alertmanager take the configurations that are deployed', () => {
    expect(run('promtool', ['check', 'config', '--syntax-only', join(import.meta.dir, 'prometheus.yaml')])).toContain('SUCCESS')
    expect(run('promtool', ['check', 'rules', join(import.meta.dir, 'rules.yaml')])).toContain('SUCCESS')
    expect(run('amtool', ['check-config', join(import.meta.dir, 'alertmanager.yaml')])).toContain('SUCCESS')
  })
})

/** What Prometheus says of a case: SUCCESS, or what it expected and found. */
function judge({ alert, series, not, fires }: Case, rules: string): string {
  const at = (time: string, isFiring: boolean) => ({
    expr: `count(ALERTS{alertname="${alert}", alertstate="firing"})`,
    eval_time: time,
    exp_samples: isFiring ? [{ labels: '{}', value: 1 }] : [],
  })
  const tests = {
    rule_files: ['rules.yaml'],
    evaluation_interval: '10s',
    tests: [
      {
        interval: '10s',
        input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
        promql_expr_test: [at(not, false), at(fires, true)],
      },
    ],
  }
  writeFileSync(join(folder, 'rules.yaml'), rules)
  writeFileSync(join(folder, 'tests.json'), JSON.stringify(tests))
  const said = run('promtool', ['test', 'rules', join(folder, 'tests.json')])
  return said.includes('SUCCESS') ? 'SUCCESS' : said
}

function run(command: string, args: readonly string[]): string {
  const { stdout, stderr } = Bun.spawnSync([command, ...args], { cwd: folder })
  return `${stdout}${stderr}`
}
