// What the cases of a store are built of, and what they do to it.
import { expect } from 'bun:test'
import type { NewEvent, StoredEvent } from '../event.ts'
import type { Store } from '../store.ts'
import type { Conflict, Expectation, NewKey, Slice, Unit, UnitOutcome } from '../unit.ts'

export const CALLERS = 64

export const HOUR_MS = 3_600_000

/** Payloads that some store could be tempted to change. */
export const ODD_TEXTS = [
  '{"b":1,"a":2,"b2":1.0,"n":1e2,"s":1E-7}',
  '{ "spaces" : [ 1 ,2 ] }',
  '{"nul":"\\u0000","escaped":"\\u00e9\\ud83d\\ude00","slash":"\\/"}',
  '{"絵巻":"é é ß İ 😀 𝔘 \u2028\u2029 \ufeff\u200d"}',
  `{"quotes":"'' \\" \`\` $$ $1 \${x} %s ?1 :a @b"}`,
  '{"backslashes":"\\\\ \\\\n \\\\u0000 \\n\\t\\r"}',
  '{"__proto__":{"x":1},"constructor":2,"toString":3}',
  '"a text"',
  'null',
  '[]',
  '0.1000000000000000055511151231257827',
  '123456789012345678901234567890',
]

export function newEvent(data: unknown): NewEvent {
  return newEventOfText(JSON.stringify(data))
}

export function newEventOfText(data: string): NewEvent {
  return { id: Bun.randomUUIDv7(), type: 'Happened', schema: 'abcdefghij', data, meta: metaOf(data) }
}

export function metaOf(data: string): string {
  return data.length < 1_000 ? `{"correlation":"1","causation":${data}}` : '{}'
}

export function unit(stream: string, expect: Expectation, events: readonly NewEvent[]): Unit {
  return { slices: [{ stream, expect, events }], keys: [] }
}

export function slice(stream: string, expect: Expectation, many = 1): Slice {
  return { stream, expect, events: Array.from({ length: many }, (_, i) => newEvent(i)) }
}

export function newKey(key: string, stream: string, version: number, count: number): NewKey {
  return { key, fingerprint: `print of ${key}`, stream, version, count, rejection: null, keepMs: null }
}

export async function appendUnit(store: Store, unit: Unit): Promise<UnitOutcome & { readonly outcome: 'appended' }> {
  const [outcome] = await store.append([unit])
  if (outcome?.outcome !== 'appended') throw new Error(`expected to be appended, found ${Bun.inspect(outcome)}`)
  return outcome
}

export async function appendConflicting(store: Store, unit: Unit): Promise<Conflict> {
  const [outcome] = await store.append([unit])
  if (outcome?.outcome !== 'conflict') throw new Error(`expected a conflict, found ${Bun.inspect(outcome)}`)
  expect(outcome.conflicts).toHaveLength(1)
  return outcome.conflicts[0]!
}

export async function callMany(say: (i: number) => Promise<readonly UnitOutcome[]>): Promise<readonly UnitOutcome[]> {
  return (await Promise.all(Array.from({ length: CALLERS }, (_, i) => say(i)))).flat()
}

export function countOutcomes(outcomes: readonly UnitOutcome[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { outcome } of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1
  return counts
}

export function readLog(store: Store): Promise<readonly StoredEvent[]> {
  return store.readAll({ after: 0, limit: 10_000 })
}
