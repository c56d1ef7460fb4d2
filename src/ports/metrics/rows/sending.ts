// Rows of the table of metrics: what is sent, and what is asked.
import { SECONDS } from '../row.ts'

export const SENDING = {
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
  'emaki.delivery.duration': {
    kind: 'histogram',
    unit: 's',
    attributes: ['relay', 'outcome'],
    board: 'processes',
    question: 'How long do receivers take?',
    help: 'How long an attempt of a relay took to deliver: done, refused for good, or failed and tried again.',
    bounds: SECONDS as readonly number[],
  },
  'emaki.delivery.open': {
    kind: 'gauge',
    unit: '{relay}',
    attributes: ['relay'],
    board: 'processes',
    question: 'Which receivers are away?',
    help: 'Whether the receiver of a relay is away, 1 or 0. Its deliveries wait.',
  },
  'emaki.query.duration': {
    kind: 'histogram',
    unit: 's',
    attributes: ['emaki.query', 'cache'],
    board: 'subscriptions',
    question: 'How long do queries take?',
    help: 'How long a query took, by what a cache gave it: hit, stale, miss, or none without one; failed.',
    bounds: SECONDS as readonly number[],
  },
} as const
