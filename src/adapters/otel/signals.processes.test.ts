// An app in a process of its own that sends metrics and records to a collector on the loopback.
import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { METRICS, type MetricName } from '../../ports/metrics/table.ts'
import { prometheusLabel, prometheusName } from '../../definitions/measure/metric-name.ts'

const ROOT = join(import.meta.dir, '../../..')
const TRACE = `${'a'.repeat(32)}`

type Value = Readonly<Record<string, unknown>>
type Attribute = { readonly key: string; readonly value: Value }
type Point = {
  readonly attributes: readonly Attribute[]
  readonly asDouble?: number
  readonly asInt?: number
  readonly count?: number
  readonly sum?: number
}
type SentMetric = { readonly name: string; readonly unit: string } & Readonly<
  Record<'sum' | 'gauge' | 'histogram', { readonly dataPoints: readonly Point[] }>
>
type SentRecord = {
  readonly severityText: string
  readonly body: Value
  readonly traceId?: string
  readonly spanId?: string
  readonly attributes: readonly Attribute[]
}

const sent: { readonly path: string; readonly type: string | null; readonly body: string }[] = []
const collector = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  development: false,
  fetch: async request => {
    const type = request.headers.get('content-type')
    sent.push({ path: new URL(request.url).pathname, type, body: await request.text() })
    return type === 'application/json' ? Response.json({}) : new Response()
  },
})
beforeEach(() => void sent.splice(0))
afterAll(() => collector.stop(true))

const json = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url.origin, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' }

/** Places orders, one of them twice, in an app with telemetry. Gives what `/metrics` says right before the end. */
async function run(environment: Readonly<Record<string, string>>) {
  const script = `
    import { app } from '${ROOT}/routes/index.ts'
    import { telemetry } from '${ROOT}/src/adapters/otel/index.ts'
    import { account } from '${ROOT}/src/test-support/account.ts'
    import { memory } from '${ROOT}/src/ports/store/memory.ts'
    const served = app({ serve: [account], store: memory(), requestRecords: false, telemetry: await telemetry({ serviceName: 'shop' }) })
    const post = path => served.request(path, {
      method: 'POST', body: '{"cents":5}',
      headers: { 'Content-Type': 'application/json', traceparent: '00-${TRACE}-${'b'.repeat(16)}-01' },
    })
    for (const id of ['a', 'b', 'c']) await (await post('/account/' + id + '/deposit')).text()
    await (await post('/account/a/explode')).text()
    console.log(await (await served.request('/metrics')).text())
    await (await served.runtime()).close()`
  const child = Bun.spawn([process.execPath, '--no-install', '-e', script], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], ...environment },
    stdout: 'pipe',
    stderr: 'pipe',
    timeout: 300_000,
  })
  const [scraped, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { scraped, stderr, code }
}

const sentTo = (path: string) => sent.filter(one => one.path === path)
const metricsSent = () =>
  sentTo('/v1/metrics').flatMap(({ body }) =>
    (JSON.parse(body) as { resourceMetrics: { scopeMetrics: { metrics: SentMetric[] }[] }[] }).resourceMetrics.flatMap(
      ({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics),
    ),
  )
const recordsSent = () =>
  sentTo('/v1/logs').flatMap(({ body }) =>
    (JSON.parse(body) as { resourceLogs: { scopeLogs: { logRecords: SentRecord[] }[] }[] }).resourceLogs.flatMap(
      ({ scopeLogs }) => scopeLogs.flatMap(({ logRecords }) => logRecords),
    ),
  )
const textOf = ({ value }: Attribute) => Object.values(value)[0]

/** The samples of a scrape: of a histogram its count and its sum. */
function samplesOf(text: string): ReadonlyMap<string, number> {
  const lines = text.split('\n').filter(line => line && !line.startsWith('#') && !line.includes('_bucket'))
  return new Map(lines.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]))
}

/** The same samples, as they were pushed. */
function samplesPushed(pushed: readonly SentMetric[]): ReadonlyMap<string, number> {
  return new Map(
    pushed.flatMap(metric => {
      const row = METRICS[metric.name as MetricName]
      const name = prometheusName(metric.name, row)
      const { dataPoints } = metric.sum ?? metric.gauge ?? metric.histogram
      return dataPoints.flatMap(point => {
        const labels = point.attributes.map(one => `${prometheusLabel(one.key)}="${textOf(one)}"`).join(',')
        const braced = labels && `{${labels}}`
        if (row.kind === 'histogram')
          return [
            [`${name}_sum${braced}`, point.sum!],
            [`${name}_count${braced}`, Number(point.count)],
          ] as const
        const suffix = row.kind === 'counter' ? '_total' : ''
        return [[`${name}${suffix}${braced}`, Number(point.asDouble ?? point.asInt)] as const]
      })
    }),
  )
}

describe('telemetry of an app', () => {
  test('the metrics of an app are pushed at its end, with the names and values of its last scrape', async () => {
    const { scraped, code } = await run(json)
    expect(code).toBe(0)
    const pushed = samplesPushed(metricsSent())
    const counted = [...samplesOf(scraped)].filter(([name]) => /^emaki_(command|append|events|load)/.test(name))
    expect(counted.map(([name]) => name)).toContain('emaki_events_appended_total{emaki_event="account.Deposited"}')
    expect(counted.filter(([name, value]) => !name.startsWith('emaki_command_waiting') && pushed.get(name) !== value)).toEqual([])
  })

  test('the records of an app are sent with their severity, fields, exception and trace, and without what it does not print', async () => {
    await run({ ...json, OTEL_METRICS_EXPORTER: 'none' })
    expect(sentTo('/v1/metrics')).toEqual([])
    const [failed, ...others] = recordsSent()
    expect(others).toEqual([])
    expect([failed!.severityText, failed!.traceId]).toEqual(['ERROR', TRACE])
    expect(failed!.spanId).toMatch(/^(?!0{16})[0-9a-f]{16}$/)
    const fields = Object.fromEntries(failed!.attributes.map(one => [one.key, textOf(one)]))
    expect(fields).toMatchObject({ code: 'request-failed', path: '/account/a/explode', 'exception.type': 'Error' })
    expect(fields['exception.stacktrace']).toContain('account.ts')
  })

  test('an app sends no record and no metric where their exporters are off, and traces all the same', async () => {
    await run({ ...json, OTEL_METRICS_EXPORTER: 'none', OTEL_LOGS_EXPORTER: 'none' })
    expect(new Set(sent.map(({ path }) => path))).toEqual(new Set(['/v1/traces']))
  })

  test('an app sends metrics and records alone, in protobuf, where only they have an endpoint', async () => {
    const { code } = await run({
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${collector.url.origin}/m`,
      OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: `${collector.url.origin}/l`,
    })
    expect(code).toBe(0)
    expect(new Set(sent.map(({ path, type }) => `${path} ${type}`))).toEqual(
      new Set(['/m application/x-protobuf', '/l application/x-protobuf']),
    )
    expect(sentTo('/m').some(({ body }) => body.includes('emaki.command.duration'))).toBe(true)
    expect(sentTo('/l').some(({ body }) => body.includes('request-failed'))).toBe(true)
  })

  test('an app whose collector is away ends in time, serves all the same, and says what was not sent', async () => {
    const { code, scraped, stderr } = await run({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
      OTEL_EXPORTER_OTLP_TIMEOUT: '200',
    })
    expect([code, scraped.includes('emaki_command_duration_seconds_count')]).toEqual([0, true])
    expect(stderr).toContain('were not sent')
  })
})
