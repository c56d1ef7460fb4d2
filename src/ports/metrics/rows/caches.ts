// Rows of the table of metrics: caches, the CDN, and who follows.
import { SECONDS } from '../row.ts'

export const CACHES = {
  'emaki.freshness.wait': {
    kind: 'histogram',
    unit: 's',
    attributes: ['outcome'],
    board: 'subscriptions',
    question: 'How long do reads wait for new rows?',
    help: 'How long reads waited until rows were as new as asked for: served, or refused as that took too long.',
    bounds: SECONDS as readonly number[],
  },
  'emaki.cache.lookups': {
    kind: 'counter',
    unit: '{lookup}',
    attributes: ['tier', 'result'],
    board: 'subscriptions',
    question: 'Do caches have what is looked up?',
    help: 'Lookups of an answer in a cache: hit or miss. A miss is looked up again while its answer is built.',
  },
  'emaki.cache.writes': {
    kind: 'counter',
    unit: '{write}',
    attributes: ['tier', 'result'],
    board: 'subscriptions',
    question: 'Do caches take what is built?',
    help: 'Answers that a cache was given: stored, refused as it knows of a newer change, or failed.',
  },
  'emaki.cache.size': {
    kind: 'gauge',
    unit: 'By',
    attributes: ['tier'],
    board: 'subscriptions',
    question: 'How much memory do answers take?',
    help: 'The approximate memory of the answers that this process keeps.',
  },
  'emaki.purges': {
    kind: 'counter',
    unit: '{tag}',
    attributes: ['outcome'],
    board: 'subscriptions',
    question: 'Does the CDN purge?',
    help: 'Tags that the CDN was asked to purge, each attempt counted: done or failed. All answers count as one tag.',
  },
  'emaki.listeners': {
    kind: 'gauge',
    unit: '{listener}',
    attributes: ['kind'],
    board: 'subscriptions',
    question: 'Who follows?',
    help: 'Clients that follow events by SSE or a WebSocket, a row, or records.',
  },
  'emaki.listeners.cut': {
    kind: 'counter',
    unit: '{listener}',
    attributes: ['kind', 'reason'],
    board: 'subscriptions',
    question: 'Who is cut off, and why?',
    help: 'Clients that follow and were disconnected: stalled, expired, refused, invalid, failed or stopping.',
  },
} as const
