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

/** All metrics, by name. Names, units and attributes are those of OpenTelemetry's conventions where there is one. */
export const METRICS = {
  // HTTP
  'http.server.request.duration': {
    kind: 'histogram',
    unit: 's',
    attributes: ['http.request.method', 'http.route', 'http.response.status_code'],
    help: 'How long requests took until their answer began.',
    bounds: SECONDS as readonly number[],
  },
  'http.server.active_requests': {
    kind: 'gauge',
    unit: '{request}',
    attributes: [],
    help: 'Requests whose answer has not begun.',
  },
  // Commands
  'emaki.command.duration': {
    kind: 'histogram',
    unit: 's',
    attributes: ['emaki.command', 'outcome'],
    help: 'How long commands took from their arrival to their outcome.',
    bounds: SECONDS as readonly number[],
  },
  'emaki.command.rejections': {
    kind: 'counter',
    unit: '{rejection}',
    attributes: ['emaki.command', 'code'],
    help: 'Commands that a decision rejected, by code.',
  },
  'emaki.command.attempts': {
    kind: 'histogram',
    unit: '{attempt}',
    attributes: ['emaki.decider'],
    help: 'How often commands were decided until their outcome: more than once where another process won their stream.',
    bounds: [1, 2, 3, 5, 10, 50, 200],
  },
  'emaki.command.waiting': { kind: 'gauge', unit: '{command}', attributes: [], help: 'Commands that wait for their outcome.' },
  'emaki.prepare.duration': {
    kind: 'histogram',
    unit: 's',
    attributes: ['emaki.command'],
    help: 'How long it took to fetch what a command needs before it is decided.',
    bounds: SECONDS as readonly number[],
  },
  // The log
  'emaki.load.duration': {
    kind: 'histogram',
    unit: 's',
    attributes: ['outcome'],
    help: 'How long it took to load streams, a batch of them at once.',
    bounds: SECONDS as readonly number[],
  },
  'emaki.append.duration': {
    kind: 'histogram',
    unit: 's',
    attributes: ['outcome'],
    help: 'How long an append of a batch took.',
    bounds: SECONDS as readonly number[],
  },
  'emaki.append.commands': {
    kind: 'histogram',
    unit: '{command}',
    attributes: [],
    help: 'Commands in a batch that was appended.',
    bounds: COUNTS as readonly number[],
  },
  'emaki.events.appended': {
    kind: 'counter',
    unit: '{event}',
    attributes: ['emaki.event'],
    help: 'Events that this process has appended, by type.',
  },
  'emaki.log.head': {
    kind: 'gauge',
    unit: '{event}',
    attributes: [],
    help: 'The position of the last event that this process knows.',
  },
  // Subscriptions
  'emaki.subscription.lag': {
    kind: 'gauge',
    unit: '{event}',
    attributes: ['emaki.subscription', 'kind'],
    help: 'Events of the log that a subscription has not handled.',
  },
  'emaki.subscription.lag.time': {
    kind: 'gauge',
    unit: 's',
    attributes: ['emaki.subscription', 'kind'],
    help: 'How long the first event that a subscription has not handled is in the log.',
  },
  'emaki.subscription.page.duration': {
    kind: 'histogram',
    unit: 's',
    attributes: ['emaki.subscription'],
    help: 'How long a subscription took for a page of events.',
    bounds: SECONDS as readonly number[],
  },
  'emaki.subscription.events': {
    kind: 'counter',
    unit: '{event}',
    attributes: ['emaki.subscription'],
    help: 'Events that a subscription was given, those it was given again included.',
  },
  'emaki.subscription.parked': {
    kind: 'gauge',
    unit: '{key}',
    attributes: ['emaki.subscription', 'what'],
    help: 'Keys and streams that a subscription has parked.',
  },
  'emaki.subscription.retrying': {
    kind: 'gauge',
    unit: '{key}',
    attributes: ['emaki.subscription'],
    help: 'Keys and streams that are handled again after a failure.',
  },
  'emaki.subscription.owner': {
    kind: 'gauge',
    unit: '{owner}',
    attributes: ['emaki.subscription'],
    help: 'Whether this process runs the subscription, 1 or 0.',
  },
  'emaki.subscription.paused': {
    kind: 'gauge',
    unit: '{subscription}',
    attributes: ['emaki.subscription'],
    help: 'Whether somebody has paused the subscription, 1 or 0.',
  },
  'emaki.subscription.failing': {
    kind: 'gauge',
    unit: '{subscription}',
    attributes: ['emaki.subscription'],
    help: 'Whether this process runs the subscription and cannot go on for now, 1 or 0.',
  },
  // What is sent, and what is asked
  'emaki.send.duration': {
    kind: 'histogram',
    unit: 's',
    attributes: ['emaki.command'],
    help: 'How long a command of a process, a processor or the agenda took.',
    bounds: SECONDS as readonly number[],
  },
  'emaki.query.duration': {
    kind: 'histogram',
    unit: 's',
    attributes: ['emaki.query'],
    help: 'How long a query took that no cache of this process answered.',
    bounds: SECONDS as readonly number[],
  },
  // What stands still
  'emaki.notices': {
    kind: 'counter',
    unit: '{notice}',
    attributes: ['code', 'level', 'emaki.subscription'],
    help: 'Records for operators, by their code.',
  },
  'emaki.retry.episodes': {
    kind: 'counter',
    unit: '{episode}',
    attributes: ['emaki.subscription'],
    help: 'Times at which something failed and began to be tried again and again.',
  },
  'emaki.retry.open': {
    kind: 'gauge',
    unit: '{episode}',
    attributes: ['emaki.subscription'],
    help: 'What fails now and is tried again and again.',
  },
  'emaki.retry.attempts': {
    kind: 'counter',
    unit: '{attempt}',
    attributes: ['emaki.subscription'],
    help: 'Attempts that failed before what was tried again succeeded.',
  },
  // The process
  'process.cpu.time': { kind: 'counter', unit: 's', attributes: ['cpu.mode'], help: 'The processor time of the process.' },
  'process.memory.usage': { kind: 'gauge', unit: 'By', attributes: [], help: 'The memory that the process has resident.' },
  'process.uptime': { kind: 'gauge', unit: 's', attributes: [], help: 'How long the process runs.' },
  'nodejs.eventloop.delay.p50': {
    kind: 'gauge',
    unit: 's',
    attributes: [],
    help: 'The median delay of the event loop since the last scrape.',
  },
  'nodejs.eventloop.delay.p99': {
    kind: 'gauge',
    unit: 's',
    attributes: [],
    help: 'The delay of the event loop that 99 % stayed below since the last scrape.',
  },
  'nodejs.eventloop.delay.max': {
    kind: 'gauge',
    unit: 's',
    attributes: [],
    help: 'The longest delay of the event loop since the last scrape.',
  },
  'emaki.build.info': {
    kind: 'gauge',
    unit: '{build}',
    attributes: ['version', 'bun'],
    help: 'The release of Emaki and of Bun; always 1.',
  },
  // Telemetry itself
  'emaki.telemetry.series': { kind: 'gauge', unit: '{series}', attributes: [], help: 'Series that this process keeps.' },
  'emaki.telemetry.dropped': {
    kind: 'counter',
    unit: '{value}',
    attributes: ['metric'],
    help: 'Values that were counted as `other`, as their metric has too many series.',
  },
  'emaki.telemetry.failures': {
    kind: 'counter',
    unit: '{failure}',
    attributes: ['metric'],
    help: 'Values that could not be read for a scrape.',
  },
} as const

export type MetricName = keyof typeof METRICS
type NamesOf<K extends MetricRow['kind']> = { [N in MetricName]: (typeof METRICS)[N]['kind'] extends K ? N : never }[MetricName]
export type CounterName = NamesOf<'counter'>
export type GaugeName = NamesOf<'gauge'>
export type HistogramName = NamesOf<'histogram'>
/** The values of a metric's attributes, in the order of its row. */
export type ValuesOf<N extends MetricName> = Texts<(typeof METRICS)[N]['attributes']>
type Texts<A extends readonly unknown[]> = { readonly [I in keyof A]: string }
