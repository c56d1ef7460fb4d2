// Rows of the table of metrics: what Emaki promises.

export const PROMISES = {
  'emaki.promise.breaches': {
    kind: 'counter',
    unit: '{breach}',
    attributes: ['promise'],
    board: 'overview',
    question: 'Does each promise hold?',
    help: 'Reports of a promise that does not hold: order, where a stream lacks an event, or freshness. It has to stay 0.',
  },
} as const
