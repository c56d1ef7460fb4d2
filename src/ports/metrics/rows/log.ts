// Rows of the table of metrics: the log.
import { COUNTS, SECONDS } from '../row.ts'

export const LOG = {
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
} as const
