// Rows of the table of metrics: the database and its connections.
import { SECONDS } from '../row.ts'

export const DATABASE = {
  'db.client.operation.duration': {
    kind: 'histogram',
    unit: 's',
    attributes: ['db.operation.name', 'db.system.name', 'error.type'],
    board: 'log',
    question: 'How long does the database take for what it is asked?',
    help: 'How long a call of the store took, its wait for a connection included.',
    bounds: SECONDS as readonly number[],
  },
  'db.client.connection.count': {
    kind: 'gauge',
    unit: '{connection}',
    attributes: ['db.client.connection.pool.name', 'db.client.connection.state'],
    board: 'log',
    question: 'How many connections are in use?',
    help: 'Connections of a pool that run a statement, and those that could run one.',
  },
  'db.client.connection.pending_requests': {
    kind: 'gauge',
    unit: '{request}',
    attributes: ['db.client.connection.pool.name'],
    board: 'log',
    question: 'Who waits for a connection?',
    help: 'Calls that wait for a connection, as all of their pool are in use.',
  },
  'db.client.connection.wait_time': {
    kind: 'histogram',
    unit: 's',
    attributes: ['db.client.connection.pool.name'],
    board: 'log',
    question: 'How long is the wait for a connection?',
    help: 'How long calls waited for a connection of their pool.',
    bounds: SECONDS as readonly number[],
  },
  'emaki.store.listening': {
    kind: 'gauge',
    unit: '{listener}',
    attributes: [],
    board: 'log',
    question: 'Are appends of other processes heard at once?',
    help: 'Whether LISTEN works, 1 or 0. Without it the head of the log is polled.',
  },
  'emaki.store.size': {
    kind: 'gauge',
    unit: 'By',
    attributes: ['part'],
    board: 'log',
    question: 'How large is the log with its rows?',
    help: 'The size of what the store keeps: its tables with their indexes, or its file and what is not yet in it.',
  },
  'emaki.store.free': {
    kind: 'gauge',
    unit: 'By',
    attributes: [],
    board: 'log',
    question: 'How much room has the disk of the log?',
    help: 'The room that the disk of the file has for this process. Of PostgreSQL, only its server knows that.',
  },
} as const
