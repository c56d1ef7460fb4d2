// Rows of the table of metrics: HTTP.
import { SECONDS } from '../row.ts'

export const HTTP = {
  'http.server.request.duration': {
    kind: 'histogram',
    unit: 's',
    attributes: ['http.request.method', 'http.route', 'http.response.status_code'],
    board: 'runtime',
    question: 'How long do requests take?',
    help: 'How long requests took until their answer began.',
    bounds: SECONDS as readonly number[],
  },
  'http.server.active_requests': {
    kind: 'gauge',
    unit: '{request}',
    attributes: [],
    board: 'runtime',
    question: 'How many requests wait for an answer?',
    help: 'Requests whose answer has not begun.',
  },
} as const
