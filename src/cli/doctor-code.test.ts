// What doctor says of code that changed beside the log.
import { expect, test } from 'bun:test'
import { z } from 'zod'
import { readConfig } from '../config.ts'
import { decider } from '../definitions/decider/decider.ts'
import { events, spec } from '../definitions/event/events.ts'
import { foldFingerprint } from '../definitions/projection/fold-fingerprint.ts'
import { projection } from '../definitions/projection/projection.ts'
import type { Diagnosis } from '../ports/store/diagnosis.ts'
import { memory } from '../ports/store/memory.ts'
import { runtime } from '../runtime.ts'
import { runVerb } from '../test-support/run-verb.ts'
import { untilProcessed } from '../test-support/until-processed.ts'
import { doctorVerb } from './doctor.ts'

function appOf<Z extends z.ZodType<{ n: unknown }, { n: unknown }>>(Added: Z) {
  const Counter = events('counter', { Added: Added as unknown as z.ZodObject<{ n: z.ZodInt }> })
  const counter = decider(Counter, {
    initial: {},
    evolve: { Added: s => s },
    commands: { add: z.object({ n: z.int() }) },
    decide: { add: (_, data) => Counter.Added(data) },
  })
  const sums = projection('sums', {
    from: Counter,
    row: Added as unknown as z.ZodType<{ n: number }>,
    initial: { n: 0 },
    evolve: { Added: (_, { n }) => ({ n }) },
  })
  return { counter, sums, serve: [counter, sums] }
}

test('doctor names the type, the path and an example of events that cannot be read, and the table of a fold that changed', async () => {
  const store = memory()
  const before = appOf(z.object({ n: z.int() }))
  const emaki = await runtime({ serve: before.serve, store })
  await emaki.send(before.counter.add('c', { n: 1 }))
  await untilProcessed(emaki, 1)
  const diagnose = async (serve: typeof before.serve) => {
    const { code, out } = await runVerb(doctorVerb, { config: readConfig({}), store, serve, json: true })
    const found = JSON.parse(out) as readonly Diagnosis[]
    return { code, found: found.filter(({ name }) => /^(events|rows)/.test(name)) }
  }
  expect(await diagnose(before.serve)).toMatchObject({ code: 0, found: [{ name: 'events', status: 'ok' }] })
  const after = appOf(z.object({ n: z.string() }))
  expect(await diagnose(after.serve)).toMatchObject({
    code: 1,
    found: [
      {
        name: 'events counter.Added',
        status: 'problem',
        found: expect.stringMatching(/at position 1 \(counter-c, version 1\): n: Invalid input: expected string/),
        fix: expect.stringContaining('Upcast'),
      },
      { name: 'rows sums_v1', status: 'warning', fix: 'Raise the version of sums, or run rebuild sums.' },
    ],
  })
  await store.readModel.setFingerprints('sums_v1', [foldFingerprint(after.sums[spec])])
  expect((await diagnose(after.serve)).found.map(({ name }) => name)).toEqual(['events counter.Added'])
  await emaki.close()
})
