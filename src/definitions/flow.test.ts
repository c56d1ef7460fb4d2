import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { z } from 'zod'
import { order, Order, shop } from '../test-support/fulfilment.ts'

import type { Served } from './definition.ts'
import { detector } from './detector/detector.ts'
import { buildFlow, drawFlow } from './flow.ts'
import { processor } from './processor.ts'
import { projection } from './projection/projection.ts'
import { query } from './query.ts'
import { every } from './recurrence.ts'
import { schedule } from './schedule.ts'

const counts = projection('counts', {
  from: Order,
  row: z.object({ n: z.int() }),
  initial: { n: 0 },
  evolve: { Placed: ({ n }) => ({ n: n + 1 }) },
})
const readers: readonly Served[] = [
  counts,
  query('count', { from: [counts], params: z.object({}), run: async () => null }),
  processor('mails', { from: Order, types: ['Sent'], handle: () => undefined }),
  detector('rates', { from: Order, types: ['Paid'] }),
  schedule('nightly', { every: every('0 3 * * *', { zone: 'UTC' }), to: order, send: () => [] }),
]

test('each kind of definition is tied to what it reads and to what it sends to, and to nothing else', () => {
  const tied = buildFlow(readers).edges.map(({ from, to }) => `${from} > ${to}`)
  expect(tied).toEqual([
    'event:order.Paid > detector:rates',
    'event:order.Placed > projection:counts',
    'event:order.Sent > processor:mails',
    'projection:counts > query:count',
    'schedule:nightly > decider:order',
  ])
})

test('each end of an edge is a node once, whichever definitions are served', () => {
  fc.assert(
    fc.property(fc.subarray([...shop, ...readers]), serve => {
      const { nodes, edges } = buildFlow(serve)
      const ids = nodes.map(({ id }) => id)
      expect(new Set(ids).size).toBe(ids.length)
      expect(edges.flatMap(({ from, to }) => [from, to]).filter(id => !ids.includes(id))).toEqual([])
    }),
  )
})

test('a flow is drawn with no character of a name that Mermaid reads, whatever the name is', () => {
  const label = /^ {2}n0\["command ((?:[\w .-]|#\d+;)*)"\]$/
  const read = (drawn: string) => drawn.replaceAll(/#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)))
  const unit = fc.constantFrom('a', '9', ' ', '"', '[', ']', '#', ';', '<', '&', '\n', '%', 'é', '😀')
  fc.assert(
    fc.property(fc.string({ unit }), name => {
      const [, line] = drawFlow({ nodes: [{ id: 'a', kind: 'command', name }], edges: [] }).split('\n')
      expect(read(label.exec(line!)![1]!)).toBe(name)
    }),
  )
})
test('a processor that names no types is tied to all of its family', () => {
  const { edges } = buildFlow([processor('all', { from: Order, handle: () => undefined })])
  expect(edges.map(({ from }) => from)).toEqual([
    'event:order.Cancelled',
    'event:order.Paid',
    'event:order.Placed',
    'event:order.Sent',
  ])
})
