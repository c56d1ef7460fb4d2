// The table of all metrics. A row is a metric: code, exposition, docs and tests take it from here.

/** The bounds of durations, in seconds. */
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] as const
/** The bounds of counts in a batch. */
const COUNTS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024] as const

/** A dashboard. `runtime` is a row at the end of each. */
export type Board = 'overview' | 'commands' | 'subscriptions' | 'processes' | 'log' | 'business' | 'runtime'

export type MetricRow = {
  /** `counter`: a sum that grows. `gauge`: a value of now, read when somebody asks. `histogram`: values by size. */
  readonly kind: 'counter' | 'gauge' | 'histogram'
  /** The unit by UCUM, as OpenTelemetry writes it: `s`, `By`, or what is counted, in braces. */
  readonly unit: string
  /** The names of the attributes, in the order in which their values are given. */
  readonly attributes: readonly string[]
  /** What it says, in one sentence. */
  readonly help: string
  /** The dashboard that shows it, and what its panel answers. */
  readonly board: Board
  readonly question: string
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
    board: 'runtime',
    question: 'How long do requests take?',
    help: 'How long requests took until their answer began.',
    bounds: SECONDS as readonly number[],
  },
  'http.server.active_requests': {
    kind: 'gauge',
    unit: '{request}',
    attributes: [],
    board: 'runtime',
    question: 'How many requests wait for an answer?',
    help: 'Requests whose answer has not begun.',
  },
  // Commands
  'emaki.command.duration': {
    kind: 'histogram',
    unit: 's',
    attributes: ['emaki.command', 'outcome'],
    board: 'commands',
    question: 'How long do commands take?',
    help: 'How long commands took from their arrival to their outcome.',
    bounds: SECONDS as readonly number[],
  },
  'emaki.command.rejections': {
    kind: 'counter',
    unit: '{rejection}',
    attributes: ['emaki.command', 'code'],
    board: 'commands',
    question: 'Which commands are rejected, and why?',
    help: 'Commands that a decision rejected, by code.',
  },
  'emaki.command.invalid': {
    kind: 'counter',
    unit: '{command}',
    attributes: ['emaki.command'],
    board: 'commands',
    question: 'Which commands do not fit their schema?',
    help: 'Commands that were not decided, as they do not fit their schema.',
  },
  'emaki.command.attempts': {
    kind: 'histogram',
    unit: '{attempt}',
    attributes: ['emaki.decider'],
    board: 'commands',
    question: 'How often is a command decided until it has its outcome?',
    help: 'How often commands were decided until their outcome: more than once where another process won their stream.',
    bounds: [1, 2, 3, 5, 10, 50, 200],
  },
  'emaki.command.waiting': {
    kind: 'gauge',
    unit: '{command}',
    attributes: [],
    board: 'commands',
    question: 'How many commands wait?',
    help: 'Commands that wait for their outcome.',
  },
  'emaki.prepare.duration': {
    kind: 'histogram',
    unit: 's',
    attributes: ['emaki.command'],
    board: 'commands',
    question: 'How long does it take to fetch what commands need?',
    help: 'How long it took to fetch what a command needs before it is decided.',
    bounds: SECONDS as readonly number[],
  },
  // The log
  'emaki.load.duration': {
    kind: 'histogram',
    unit: 's',
    attributes: ['outcome'],
    board: 'log',
    question: 'How long does it take to load streams?',
    help: 'How long it took to load streams, a batch of them at once.',
    bounds: SECONDS as readonly number[],
  },
  'emaki.append.duration': {
    kind: 'histogram',
    unit: 's',
    attributes: ['outcome'],
    board: 'log',
    question: 'How long does an append take?',
    help: 'How long an append of a batch took.',
    bounds: SECONDS as readonly number[],
  },
  'emaki.append.commands': {
    kind: 'histogram',
    unit: '{command}',
    attributes: [],
    board: 'log',
    question: 'How many commands does an append take together?',
    help: 'Commands in a batch that was appended.',
    bounds: COUNTS as readonly number[],
  },
  'emaki.events.appended': {
    kind: 'counter',
    unit: '{event}',
    attributes: ['emaki.event'],
    board: 'log',
    question: 'Which events are appended?',
    help: 'Events that this process has appended, by type.',
  },
  'emaki.log.head': {
    kind: 'gauge',
    unit: '{event}',
    attributes: [],
    board: 'log',
    question: 'Where does the log end?',

    help: 'The position of the last event that this process knows.',
  },
  // Subscriptions
  'emaki.subscription.lag': {
    kind: 'gauge',
    unit: '{event}',
    attributes: ['emaki.subscription', 'kind'],
    board: 'subscriptions',
    question: 'How many events are subscriptions behind?',
    help: 'Events of the log that a subscription has not handled.',
  },
  'emaki.subscription.lag.time': {
    kind: 'gauge',
    unit: 's',
    attributes: ['emaki.subscription', 'kind'],
    board: 'subscriptions',
    question: 'How long are subscriptions behind?',
    help: 'How long the first event that a subscription has not handled is in the log.',
  },
  'emaki.subscription.page.duration': {
    kind: 'histogram',
    unit: 's',
    attributes: ['emaki.subscription'],
    board: 'subscriptions',
    question: 'How long does a page of events take?',
    help: 'How long a subscription took for a page of events.',
    bounds: SECONDS as readonly number[],
  },
  'emaki.subscription.events': {
    kind: 'counter',
    unit: '{event}',
    attributes: ['emaki.subscription'],
    board: 'subscriptions',
    question: 'How many events are handled?',
    help: 'Events that a subscription was given, those it was given again included.',
  },
  'emaki.subscription.parked': {
    kind: 'gauge',
    unit: '{key}',
    attributes: ['emaki.subscription', 'what'],
    board: 'subscriptions',
    question: 'What is parked?',
    help: 'Keys and streams that a subscription has parked.',
  },
  'emaki.subscription.retrying': {
    kind: 'gauge',
    unit: '{key}',
    attributes: ['emaki.subscription'],
    board: 'subscriptions',
    question: 'What is handled again after a failure?',
    help: 'Keys and streams that are handled again after a failure.',
  },
  'emaki.subscription.owner': {
    kind: 'gauge',
    unit: '{owner}',
    attributes: ['emaki.subscription'],
    board: 'subscriptions',
    question: 'Who runs the subscriptions?',
    help: 'Whether this process runs the subscription, 1 or 0.',
  },
  'emaki.subscription.paused': {
    kind: 'gauge',
    unit: '{subscription}',
    attributes: ['emaki.subscription'],
    board: 'subscriptions',
    question: 'What is paused?',
    help: 'Whether somebody has paused the subscription, 1 or 0.',
  },
  'emaki.subscription.failing': {
    kind: 'gauge',
    unit: '{subscription}',
    attributes: ['emaki.subscription'],
    board: 'subscriptions',
    question: 'Which subscriptions cannot go on?',
    help: 'Whether this process runs the subscription and cannot go on for now, 1 or 0.',
  },
  // What is sent, and what is asked
  'emaki.agenda.due': {
    kind: 'gauge',
    unit: '{entry}',
    attributes: ['emaki.owner'],
    board: 'processes',
    question: 'What is due and was not sent?',
    help: 'Commands and timers of the agenda that are due and were not sent.',
  },
  'emaki.agenda.due.time': {
    kind: 'gauge',
    unit: 's',
    attributes: ['emaki.owner'],
    board: 'processes',
    question: 'How long is the oldest of it due?',
    help: 'How long the oldest entry of the agenda that was not sent is due.',
  },
  'emaki.agenda.later': {
    kind: 'gauge',
    unit: '{entry}',
    attributes: ['emaki.owner'],
    board: 'processes',
    question: 'What is to be sent later?',
    help: 'Commands and timers of the agenda that are due later.',
  },
  'emaki.send.duration': {
    kind: 'histogram',
    unit: 's',
    attributes: ['emaki.command'],
    board: 'processes',
    question: 'How long do commands of processes and the agenda take?',
    help: 'How long a command of a process, a processor or the agenda took.',
    bounds: SECONDS as readonly number[],
  },
  'emaki.query.duration': {
    kind: 'histogram',
    unit: 's',
    attributes: ['emaki.query'],
    board: 'subscriptions',
    question: 'How long do queries take?',
    help: 'How long a query took that no cache of this process answered.',
    bounds: SECONDS as readonly number[],
  },
  // What stands still
  'emaki.notices': {
    kind: 'counter',
    unit: '{notice}',
    attributes: ['code', 'level', 'emaki.subscription'],
    board: 'overview',
    question: 'What do records tell operators?',
    help: 'Records for operators, by their code.',
  },
  'emaki.retry.episodes': {
    kind: 'counter',
    unit: '{episode}',
    attributes: ['emaki.subscription'],
    board: 'overview',
    question: 'How often does something begin to fail?',
    help: 'Times at which something failed and began to be tried again and again.',
  },
  'emaki.retry.open': {
    kind: 'gauge',
    unit: '{episode}',
    attributes: ['emaki.subscription'],
    board: 'overview',
    question: 'What is tried again and again?',
    help: 'What fails now and is tried again and again.',
  },
  'emaki.retry.attempts': {
    kind: 'counter',
    unit: '{attempt}',
    attributes: ['emaki.subscription'],
    board: 'overview',
    question: 'How many attempts fail?',
    help: 'Attempts that failed before what was tried again succeeded.',
  },
  // The process
  'process.cpu.time': {
    kind: 'counter',
    unit: 's',
    attributes: ['cpu.mode'],
    board: 'runtime',
    question: 'How much processor time is used?',
    help: 'The processor time of the process.',
  },
  'process.memory.usage': {
    kind: 'gauge',
    unit: 'By',
    attributes: [],
    board: 'runtime',
    question: 'How much memory is used?',
    help: 'The memory that the process has resident.',
  },
  'process.uptime': {
    kind: 'gauge',
    unit: 's',
    attributes: [],
    board: 'runtime',
    question: 'When did the processes start?',
    help: 'How long the process runs.',
  },
  'nodejs.eventloop.delay.p50': {
    kind: 'gauge',
    unit: 's',
    attributes: [],
    board: 'runtime',
    question: 'How long is the event loop usually held?',
    help: 'The median delay of the event loop since the last scrape.',
  },
  'nodejs.eventloop.delay.p99': {
    kind: 'gauge',
    unit: 's',
    attributes: [],
    board: 'runtime',
    question: 'How long is the event loop held at worst, but for one in a hundred?',
    help: 'The delay of the event loop that 99 % stayed below since the last scrape.',
  },
  'nodejs.eventloop.delay.max': {
    kind: 'gauge',
    unit: 's',
    attributes: [],
    board: 'runtime',
    question: 'How long was the event loop held at most?',
    help: 'The longest delay of the event loop since the last scrape.',
  },
  'emaki.build.info': {
    kind: 'gauge',
    unit: '{build}',
    attributes: ['version', 'bun'],
    board: 'runtime',
    question: 'Which releases run?',
    help: 'The release of Emaki and of Bun; always 1.',
  },
  // Telemetry itself
  'emaki.telemetry.series': {
    kind: 'gauge',
    unit: '{series}',
    attributes: [],
    board: 'runtime',
    question: 'How many series are kept?',
    help: 'Series that this process keeps.',
  },
  'emaki.telemetry.dropped': {
    kind: 'counter',
    unit: '{value}',
    attributes: ['metric'],
    board: 'runtime',
    question: 'Which metrics have too many series?',
    help: 'Values that were counted as `other`, as their metric has too many series.',
  },
  'emaki.telemetry.failures': {
    kind: 'counter',
    unit: '{failure}',
    attributes: ['metric'],
    board: 'runtime',
    question: 'Which values could not be read?',
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
