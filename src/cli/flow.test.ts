import { expect, test } from 'bun:test'
import { buildFlow, drawFlow } from '../definitions/flow.ts'
import { shop } from '../test-support/fulfilment.ts'
import { runVerb } from '../test-support/run-verb.ts'
import { flowVerb } from './flow.ts'

test('flow prints the flow of the served definitions as Mermaid, and as JSON where that is asked', async () => {
  const flow = buildFlow(shop)
  expect(await runVerb(flowVerb, { serve: shop })).toEqual({ code: 0, out: `${drawFlow(flow)}\n`, err: '' })
  expect(JSON.parse((await runVerb(flowVerb, { serve: shop, json: true })).out)).toEqual(flow)
})
