// Rows of the table of metrics: telemetry itself.

export const TELEMETRY = {
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
