// Rows of the table of metrics: commands.
import { SECONDS } from '../row.ts'

export const COMMANDS = {
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
  'emaki.command.waiting.time': {
    kind: 'gauge',
    unit: 's',
    attributes: [],
    board: 'commands',
    question: 'How long does the oldest command wait?',
    help: 'How long the oldest command that has no outcome waits for it.',
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
} as const
