// The table of all metrics. A row is a metric: code, exposition, docs and tests take it from here.

/** The bounds of durations, in seconds. */
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] as const
/** The bounds of counts in a batch. */
const COUNTS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024] as const

export type MetricRow = {
  /** `counter`: a sum that grows. `gauge`: a value of now, read when somebody asks. `histogram`: values by size. */
  readonly kind: 'counter' | 'gauge' | 'histogram'
  /** The unit by UCUM, as OpenTelemetry writes it: `s`, `By`, or what is counted, in braces. */
  readonly unit: string
  /** The names of the attributes, in the order in which their values are given. */
  readonly attributes: readonly string[]
  /** What it says, in one sentence. */
  readonly help: string
  /** A histogram: the upper bounds of its buckets, in its unit. */
  readonly bounds?: readonly number[]
}

const counter = <const A extends readonly string[]>(unit: string, attributes: A, help: string) =>
  ({ kind: 'counter', unit, attributes, help }) as const
const gauge = <const A extends readonly string[]>(unit: string, attributes: A, help: string) =>
  ({ kind: 'gauge', unit, attributes, help }) as const
const histogram = <const A extends readonly string[]>(
  unit: string,
  attributes: A,
  help: string,
  bounds: readonly number[] = SECONDS,
) => ({ kind: 'histogram', unit, attributes, help, bounds }) as const

/** All metrics, by name. Names, units and attributes are those of OpenTelemetry's conventions where there is one. */
export const METRICS = {
  // HTTP
  'http.server.request.duration': histogram(
    's',
    ['http.request.method', 'http.route', 'http.response.status_code'],
    'How long requests took until their answer began.',
  ),
  'http.server.active_requests': gauge('{request}', [], 'Requests whose answer has not begun.'),
  // Commands
  'emaki.command.duration': histogram(
    's',
    ['emaki.command', 'outcome'],
    'How long commands took from their arrival to their outcome.',
  ),
  'emaki.command.rejections': counter('{rejection}', ['emaki.command', 'code'], 'Commands that a decision rejected, by code.'),
  'emaki.command.attempts': histogram(
    '{attempt}',
    ['emaki.decider'],
    'How often commands were decided until their outcome: more than once where another process won their stream.',
    [1, 2, 3, 5, 10, 50, 200],
  ),
  'emaki.command.waiting': gauge('{command}', [], 'Commands that wait for their outcome.'),
  'emaki.prepare.duration': histogram(
    's',
    ['emaki.command'],
    'How long it took to fetch what a command needs before it is decided.',
  ),
  // The log
  'emaki.load.duration': histogram('s', ['outcome'], 'How long it took to load streams, a batch of them at once.'),
  'emaki.append.duration': histogram('s', ['outcome'], 'How long an append of a batch took.'),
  'emaki.append.commands': histogram('{command}', [], 'Commands in a batch that was appended.', COUNTS),
  'emaki.events.appended': counter('{event}', ['emaki.event'], 'Events that this process has appended, by type.'),
  'emaki.log.head': gauge('{event}', [], 'The position of the last event that this process knows.'),
  // Subscriptions
  'emaki.subscription.lag': gauge(
    '{event}',
    ['emaki.subscription', 'kind'],
    'Events of the log that a subscription has not handled.',
  ),
  'emaki.subscription.lag.time': gauge(
    's',
    ['emaki.subscription', 'kind'],
    'How long the first event that a subscription has not handled is in the log.',
  ),
  'emaki.subscription.page.duration': histogram(
    's',
    ['emaki.subscription'],
    'How long a subscription took for a page of events.',
  ),
  'emaki.subscription.events': counter(
    '{event}',
    ['emaki.subscription'],
    'Events that a subscription was given, those it was given again included.',
  ),
  'emaki.subscription.parked': gauge('{key}', ['emaki.subscription', 'what'], 'Keys and streams that a subscription has parked.'),
  'emaki.subscription.retrying': gauge(
    '{key}',
    ['emaki.subscription'],
    'Keys and streams that are handled again after a failure.',
  ),
  'emaki.subscription.owner': gauge('{owner}', ['emaki.subscription'], 'Whether this process runs the subscription, 1 or 0.'),
  'emaki.subscription.paused': gauge(
    '{subscription}',
    ['emaki.subscription'],
    'Whether somebody has paused the subscription, 1 or 0.',
  ),
  'emaki.subscription.failing': gauge(
    '{subscription}',
    ['emaki.subscription'],
    'Whether this process runs the subscription and cannot go on for now, 1 or 0.',
  ),
  // What is sent, and what is asked
  'emaki.send.duration': histogram('s', ['emaki.command'], 'How long a command of a process, a processor or the agenda took.'),
  'emaki.query.duration': histogram('s', ['emaki.query'], 'How long a query took that no cache of this process answered.'),
  // What stands still
  'emaki.notices': counter('{notice}', ['code', 'level', 'emaki.subscription'], 'Records for operators, by their code.'),
  'emaki.retry.episodes': counter(
    '{episode}',
    ['emaki.subscription'],
    'Times at which something failed and began to be tried again and again.',
  ),
  'emaki.retry.open': gauge('{episode}', ['emaki.subscription'], 'What fails now and is tried again and again.'),
  'emaki.retry.attempts': counter(
    '{attempt}',
    ['emaki.subscription'],
    'Attempts that failed before what was tried again succeeded.',
  ),
  // The process
  'process.cpu.time': counter('s', ['cpu.mode'], 'The processor time of the process.'),
  'process.memory.usage': gauge('By', [], 'The memory that the process has resident.'),
  'process.uptime': gauge('s', [], 'How long the process runs.'),
  'nodejs.eventloop.delay.p50': gauge('s', [], 'The median delay of the event loop since the last scrape.'),
  'nodejs.eventloop.delay.p99': gauge('s', [], 'The delay of the event loop that 99 % stayed below since the last scrape.'),
  'nodejs.eventloop.delay.max': gauge('s', [], 'The longest delay of the event loop since the last scrape.'),
  'emaki.build.info': gauge('{build}', ['version', 'bun'], 'The release of Emaki and of Bun; always 1.'),
  // Telemetry itself
  'emaki.telemetry.series': gauge('{series}', [], 'Series that this process keeps.'),
  'emaki.telemetry.dropped': counter(
    '{value}',
    ['metric'],
    'Values that were counted as `other`, as their metric has too many series.',
  ),
  'emaki.telemetry.failures': counter('{failure}', ['metric'], 'Values that could not be read for a scrape.'),
} as const satisfies Readonly<Record<string, MetricRow>>

export type MetricName = keyof typeof METRICS
type NamesOf<K extends MetricRow['kind']> = { [N in MetricName]: (typeof METRICS)[N]['kind'] extends K ? N : never }[MetricName]
export type CounterName = NamesOf<'counter'>
export type GaugeName = NamesOf<'gauge'>
export type HistogramName = NamesOf<'histogram'>
/** The values of a metric's attributes, in the order of its row. */
export type ValuesOf<N extends MetricName> = Texts<(typeof METRICS)[N]['attributes']>
type Texts<A extends readonly unknown[]> = { readonly [I in keyof A]: string }
