// What rows a projection makes of facts, as an example.
import { encodeRow, foldEvent, rowEvents } from '../../definitions/projection/fold.ts'
import type { ProjectionSpec } from '../../definitions/projection/projection.ts'
import { differences, showValue } from './differences.ts'
import { type RowExpected, showEvent, showExpected } from './expected.ts'
import { BEGAN, type Fact, INSTANCE, listPast, type Past, Recording } from './past.ts'
import type { SpecReport } from './spec.ts'

export type RowsExample = {
  readonly definition: ProjectionSpec
  readonly past: readonly Past<Fact>[]
  readonly expected: readonly RowExpected[]
}

/** Folds facts into rows, as the framework does. A row that does not fit its schema is a mistake. */
export function runRows({ definition, past, expected }: RowsExample): SpecReport {
  const recording = new Recording()
  const rows = new Map<string, object | null>()
  const given: string[] = []
  const wrong: string[] = []
  for (const { instance, what } of listPast(past)) {
    given.push(`given   ${instance ?? INSTANCE}: ${showEvent(what)}`)
    const stored = recording.record(definition.families, what, instance ?? INSTANCE, BEGAN)
    for (const event of rowEvents(definition, stored)) {
      const row = foldEvent(definition, rows.get(event.key) ?? null, event)
      rows.set(event.key, row)
      if (row !== null) wrong.push(...misfits(definition, event.key, row))
    }
  }
  const found = [...rows].map(([key, row]) => `found   ${row === null ? `no row ${key}` : `row ${key}: ${showValue(row)}`}`)
  const wanted = expected.map(one => `wanted  ${showExpected(one)}`)
  return { shown: [...given, ...wanted, ...found], wrong: [...wrong, ...expected.flatMap(one => mistakes(one, rows))] }
}

function mistakes({ key, row: part }: RowExpected, rows: ReadonlyMap<string, object | null>): readonly string[] {
  const row = rows.get(key) ?? null
  if (part === null) return row === null ? [] : [`there is a row ${key}`]
  return row === null ? [`there is no row ${key}`] : differences(part, row, { isPart: true }).map(line => `row ${key}, ${line}`)
}

function misfits(definition: ProjectionSpec, key: string, row: object): readonly string[] {
  try {
    encodeRow(definition, row)
    return []
  } catch (error) {
    return [`row ${key}: ${(error as Error).message}`]
  }
}
