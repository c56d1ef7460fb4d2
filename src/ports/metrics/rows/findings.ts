// Rows of the table of metrics: what detectors find.

export const FINDINGS = {
  'emaki.finding.open': {
    kind: 'gauge',
    unit: '{finding}',
    attributes: ['emaki.detector', 'emaki.event'],
    board: 'overview',
    question: 'What comes more or less often than usual?',
    help: 'Findings of a detector that are open: what is silent, comes far less or more often than usual, is late, or comes in a new order.',
  },
} as const
