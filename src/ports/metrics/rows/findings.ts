// Rows of the table of metrics: what detectors find.

export const FINDINGS = {
  'emaki.finding.open': {
    kind: 'gauge',
    unit: '{finding}',
    attributes: ['emaki.detector', 'emaki.event'],
    board: 'overview',
    question: 'What comes more or less often than usual?',
    help: 'Findings of a detector that are open: events, commands or rejections that are silent, or come far less or more often than usual.',
  },
} as const
