// Rows of the table of metrics: what Emaki promises.

export const PROMISES = {
  'emaki.promise.breaches': {
    kind: 'counter',
    unit: '{breach}',
    attributes: ['promise'],
    board: 'overview',
    question: 'Does each promise hold?',
    help: 'Reports of a promise that does not hold: order, freshness, clock, immutability, rows or once. It has to stay 0.',
  },
  'emaki.promise.broken': {
    kind: 'gauge',
    unit: '{breach}',
    attributes: ['promise'],
    board: 'overview',
    question: 'What breaks a promise?',
    help: 'Breaches that the store keeps until somebody has mended them and says so by the verb breaches. It has to stay 0.',
  },
} as const
