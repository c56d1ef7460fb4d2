import { describe, expect, spyOn, test } from 'bun:test'
import { turnClock } from '../lib/turns.ts'
import { Metrics } from './registry.ts'
import { METRICS } from '../ports/metrics/table.ts'
import { prometheusLabel, prometheusName } from '../definitions/measure/metric-name.ts'
import { writeText } from './text.ts'

const written = async (metrics: Metrics, format: 'openmetrics' | 'classic') => {
  const readings = await metrics.read()
  return writeText(
    readings.filter(({ name }) => name !== 'emaki.telemetry.series'),
    format,
  )
}

const filled = (): Metrics => {
  const metrics = new Metrics()
  metrics.counter('emaki.command.rejections', 'order.place', 'a "b" \\ c\nd').add(2)
  const waits = metrics.histogram('emaki.command.attempts', 'order')
  waits.record(1)
  waits.record(4, `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`)
  waits.exemplars[3] = { ...waits.exemplars[3]!, at: 1_700_000_000_500 }
  metrics.observe(['process.memory.usage'], () => ({ 'process.memory.usage': [{ values: [], value: 1_024 }] }))
  return metrics
}

describe('the text of metrics', () => {
  test('the classic text has a type a sample name, escaped labels, and buckets that add up', async () => {
    expect(await written(filled(), 'classic')).toBe(
      [
        '# HELP emaki_command_rejections_total Commands that a decision rejected, by code.',
        '# TYPE emaki_command_rejections_total counter',
        'emaki_command_rejections_total{emaki_command="order.place",code="a \\"b\\" \\\\ c\\nd"} 2',
        `# HELP emaki_command_attempts ${METRICS['emaki.command.attempts'].help}`,
        '# TYPE emaki_command_attempts histogram',
        ...[
          ['1.0', 1],
          ['2.0', 1],
          ['3.0', 1],
          ['5.0', 2],
          ['10.0', 2],
          ['50.0', 2],
          ['200.0', 2],
          ['+Inf', 2],
        ].map(([le, many]) => `emaki_command_attempts_bucket{emaki_decider="order",le="${le}"} ${many}`),
        'emaki_command_attempts_sum{emaki_decider="order"} 5',
        'emaki_command_attempts_count{emaki_decider="order"} 2',
        '# HELP process_memory_usage_bytes The memory that the process has resident.',
        '# TYPE process_memory_usage_bytes gauge',
        'process_memory_usage_bytes 1024',
        '',
      ].join('\n'),
    )
  })

  test('OpenMetrics names a counter without _total in its head, says units, and ends with EOF', async () => {
    const text = await written(filled(), 'openmetrics')
    expect(text).toContain('# TYPE emaki_command_rejections counter\nemaki_command_rejections_total{')
    expect(text).toContain('# TYPE process_memory_usage_bytes gauge\n# UNIT process_memory_usage_bytes bytes\n')
    expect(text).toEndWith('\n# EOF\n')
  })

  test('OpenMetrics has the example of a sampled trace behind its bucket', async () => {
    const line = (await written(filled(), 'openmetrics')).split('\n').find(one => one.includes('# {'))
    const example = `# {trace_id="${'a'.repeat(32)}"} 4 1700000000.5`
    expect(line).toBe(`emaki_command_attempts_bucket{emaki_decider="order",le="5.0"} 2 ${example}`)
  })

  test('each name and label of the table is one of Prometheus, and no two metrics have one name', () => {
    const names = Object.entries(METRICS).map(([name, row]) => prometheusName(name, row))
    expect(names.filter(name => !/^[a-z_][a-z0-9_]*$/.test(name))).toEqual([])
    expect(new Set(names).size).toBe(names.length)
    const labels = Object.values(METRICS).flatMap(({ attributes }) => attributes.map(prometheusLabel))
    expect(labels.filter(label => !/^[a-z_][a-z0-9_]*$/.test(label) || label === 'le')).toEqual([])
  })
})

test('a scrape of one metric with many series lets the event loop turn after each two ms of it', async () => {
  const metrics = new Metrics()
  for (let i = 0; i < 100; i++) metrics.counter('emaki.command.rejections', 'order.place', `code-${i}`).add(i)
  const readings = await metrics.read()
  // Each look at the clock takes 1 ms, and the series between two turns are two.
  const now = spyOn(turnClock, 'now').mockImplementation(() => now.mock.calls.length)
  let turns = 0
  let isWriting = true
  const count = () => {
    turns++
    if (isWriting) setImmediate(count)
  }
  try {
    setImmediate(count)
    const text = await writeText(readings, 'classic')
    expect(text).toContain('code="code-99"} 99')
    expect(turns).toBeGreaterThan(30)
  } finally {
    isWriting = false
    now.mockRestore()
  }
})
