// What a query answers after facts, as an example. It runs on a log in memory, as an app would run it.
import type { QuerySpec } from '../../definitions/query.ts'
import { definitionOf, type Served } from '../../definitions/definition.ts'
import type { EventsSpec } from '../../definitions/event/events.ts'
import { memory } from '../../ports/store/memory.ts'
import { runtime } from '../../runtime.ts'
import { differences, showValue } from './differences.ts'
import { type AnswerExpected, showEvent } from './expected.ts'
import { BEGAN, type Fact, INSTANCE, listPast, type Past, Recording } from './past.ts'
import type { SpecReport } from './spec.ts'

export type AnswerExample = {
  /** The query, and the projections that it reads. */
  readonly serve: readonly Served[]
  readonly past: readonly Past<Fact>[]
  readonly params: unknown
  readonly expected: readonly AnswerExpected[]
}

/** Asks the query once its projections have all facts. Rejects with what the query throws. */
export async function runAnswer({ serve, past, params, expected }: AnswerExample): Promise<SpecReport> {
  const store = memory({ now: () => BEGAN })
  const recording = new Recording()
  const families = familiesOf(serve)
  const inputs = listPast(past)
  for (const { instance, what } of inputs) {
    const { stream, version, ...event } = recording.record(families, what, instance ?? INSTANCE, BEGAN)
    await store.append([{ slices: [{ stream, expect: version - 1, events: [event] }], keys: [] }])
  }
  const emaki = await runtime({ serve, store, report: () => {} })
  try {
    await emaki.waitUntilProcessed(inputs.length, undefined, WAIT_MS)
    const found: unknown = await emaki.query(serve[0] as never, params as never)
    const shown = [
      ...inputs.map(({ instance, what }) => `given   ${instance ?? INSTANCE}: ${showEvent(what)}`),
      `when    ${(definitionOf(serve[0]!) as QuerySpec).name} is asked for ${showValue(params)}`,
      ...expected.map(({ answer }) => `wanted  ${showValue(answer)}`),
      `found   ${showValue(found)}`,
    ]
    return { shown, wrong: expected.flatMap(({ answer }) => differences(answer, found)) }
  } finally {
    await emaki.close()
  }
}

/** How long its projections may take to fold the facts, in ms. It bounds an example that hangs. */
const WAIT_MS = 60_000

function familiesOf(serve: readonly Served[]): ReadonlyMap<string, EventsSpec> {
  return new Map(serve.map(definitionOf).flatMap(one => (one.kind === 'projection' ? [...one.families] : [])))
}
