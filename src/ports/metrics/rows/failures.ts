// Rows of the table of metrics: what stands still.

export const FAILURES = {
  'emaki.stall.time': {
    kind: 'gauge',
    unit: 's',
    attributes: ['cause'],
    board: 'overview',
    question: 'What stands still, and for how long?',
    help: 'How long the oldest stall of a cause lasts; 0: there is none. The verb why explains it.',
  },
  'emaki.stall.episodes': {
    kind: 'counter',
    unit: '{episode}',
    attributes: ['cause'],
    board: 'overview',
    question: 'How often does something stand still?',
    help: 'Times at which something began to stand still.',
  },
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
} as const
