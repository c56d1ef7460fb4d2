// The dashboards, made of the table of metrics. `bun deploy/grafana/build.ts` writes them.
import {
  type Dashboard,
  DashboardBuilder,
  DashboardLinkBuilder,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
} from '@grafana/grafana-foundation-sdk/dashboard'
import type { Board, MetricRow } from '../../src/ports/metrics/row.ts'
import { METRICS, type MetricName } from '../../src/ports/metrics/table.ts'
import type { MeasureSpec } from '../../src/definitions/measure/spec.ts'
import { measures as marketplace } from '../../examples/marketplace/measures.ts'
import { measureQuestion } from './business.ts'
import { measuresOf } from './measures-of.ts'
import { CHOSEN, type Question, questionOf, stat, timeseries } from './panels.ts'

type Plan = { readonly title: string; readonly stats?: readonly Question[]; readonly more?: readonly Question[] }

const rate = (series: string, by: string) => `sum${by} (rate(${series}[$__rate_interval]))`
const one = (title: string, about: string, unit: string, expr: string, legend = ''): Question => ({
  title,
  about,
  unit,
  queries: [{ expr, legend }],
})

/** By dashboard: its title, and what it asks beside the questions of the table. */
const PLANS: { readonly [B in Exclude<Board, 'runtime' | 'business'>]?: Plan } = {
  overview: {
    title: 'Emaki: Overview',
    stats: [
      one('Is each process up?', 'The share of processes that answered the last scrape.', 'percentunit', `avg(up${CHOSEN})`),
      one(
        'How many requests fail?',
        'The share of answers with a status of 500 or more.',
        'percentunit',
        `(sum(rate(http_server_request_duration_seconds_count{job=~"$job", http_response_status_code=~"5.."}[$__rate_interval])) or vector(0)) / ${rate(`http_server_request_duration_seconds_count${CHOSEN}`, '')}`,
      ),
      one('How many commands come?', 'Commands a second.', 'cps', rate(`emaki_command_duration_seconds_count${CHOSEN}`, '')),
      one(
        'How long do commands take at worst?',
        'But for one in a hundred.',
        's',
        `histogram_quantile(0.99, ${rate(`emaki_command_duration_seconds_bucket${CHOSEN}`, ' by (le)')})`,
      ),
      one(
        'How long is the last subscription behind?',
        'The time that the oldest event which somebody has not handled is in the log.',
        's',
        `max(emaki_subscription_lag_time_seconds${CHOSEN})`,
      ),
      one(
        'How much is parked?',
        'Keys and streams of all subscriptions.',
        'short',
        `sum(max by (emaki_subscription, what) (emaki_subscription_parked${CHOSEN}))`,
      ),
    ],
  },
  commands: {
    title: 'Emaki: Commands',
    more: [
      one(
        'How do commands end?',
        'Commands a second, by outcome.',
        'cps',
        rate(`emaki_command_duration_seconds_count${CHOSEN}`, ' by (emaki_command, outcome)'),
        '{{emaki_command}} {{outcome}}',
      ),
    ],
  },
  subscriptions: {
    title: 'Emaki: Events in, rows out',
    more: [
      one(
        'Do subscriptions catch up?',
        'Events a second by which the lag grows; below 0 it shrinks.',
        'cps',
        `max by (emaki_subscription) (deriv(emaki_subscription_lag${CHOSEN}[$__rate_interval]))`,
        '{{emaki_subscription}}',
      ),
    ],
  },
  processes: { title: 'Emaki: Processes and relays' },
  log: { title: 'Emaki: Log and database' },
}

/** Each dashboard, by the name of its file. */
export function dashboards(): Readonly<Record<string, Dashboard>> {
  const planned = Object.entries(PLANS).map(([board, plan]) => [board, build(board as Board, plan)])
  return { ...Object.fromEntries(planned), business: businessDashboard(measuresOf(marketplace)) }
}

/** The dashboard of an app's own measures. */
export function businessDashboard(measures: readonly MeasureSpec[]): Dashboard {
  return build('business', { title: 'Emaki: Business', more: measures.map(measureQuestion) })
}

function build(board: Board, { title, stats = [], more = [] }: Plan): Dashboard {
  const dashboard = new DashboardBuilder(title)
    .uid(`emaki-${board}`)
    .tags(['emaki'])
    .refresh('10s')
    .time({ from: 'now-1h', to: 'now' })
    .link(
      new DashboardLinkBuilder('Emaki')
        .type('dashboards' as never)
        .tags(['emaki'])
        .keepTime(true)
        .includeVars(true),
    )
    .withVariable(new DatasourceVariableBuilder('datasource').type('prometheus').label('Prometheus'))
    .withVariable(
      new QueryVariableBuilder('job')
        .label('App')
        .query('label_values(emaki_build_info, job)')
        .datasource({ type: 'prometheus', uid: '$datasource' })
        .multi(true)
        .includeAll(true),
    )
  for (const question of stats) dashboard.withPanel(stat(question))
  for (const question of [...more, ...questionsOn(board)]) dashboard.withPanel(timeseries(question))
  const runtime = new RowBuilder('HTTP and the processes').collapsed(true)
  for (const question of questionsOn('runtime')) runtime.withPanel(timeseries(question))
  return dashboard.withRow(runtime).build()
}

function questionsOn(board: Board): readonly Question[] {
  const rows = Object.entries(METRICS) as [MetricName, MetricRow][]
  return rows.filter(([, row]) => row.board === board).map(([name, row]) => questionOf(name, row))
}
