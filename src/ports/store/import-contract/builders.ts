// What the cases of an import are built of.
import { expect } from 'bun:test'
import type { ImportProgress } from '../import.ts'
import type { NewRecord, Records } from '../import-record.ts'
import type { StoredEvent } from '../event.ts'
import type { Store } from '../store.ts'
import type { Unit } from '../unit.ts'

export const newRecord = (stream: string, data: unknown, id: string = Bun.randomUUIDv7()): NewRecord => ({
  id,
  stream,
  type: 'Happened',
  schema: 'abcdefghij',
  data: JSON.stringify(data),
  meta: '{"correlation":"c","causation":"c"}',
})

/** As the log has it, but for where and when. */
export const asGiven = ({ version: _, position: __, at: ___, ...given }: StoredEvent): NewRecord => given

export const inPages = (records: readonly NewRecord[], size = 700): Records =>
  async function* () {
    for (let i = 0; i < records.length; i += size) yield records.slice(i, i + size)
  }

export const SOURCE = { source: 'a.csv' }

export const unitTo = (stream: string): Unit => ({
  slices: [{ stream, expect: 'any', events: [newRecord(stream, 'live')] }],
  keys: [],
})

export async function readLog(store: Store): Promise<readonly StoredEvent[]> {
  const events: StoredEvent[] = []
  for (;;) {
    const page = await store.readAll({ after: events.at(-1)?.position ?? 0, limit: 1_000 })
    if (!page.length) return events
    events.push(...page)
  }
}

export async function runImport(steps: AsyncIterable<ImportProgress>): Promise<readonly ImportProgress[]> {
  return Array.fromAsync(steps)
}

/** Each event's version is one more than that of the event before it in its stream. */
export function expectVersionsInOrder(events: readonly StoredEvent[]): void {
  const versions = new Map<string, number>()
  for (const { stream, version } of events) {
    expect(version).toBe((versions.get(stream) ?? 0) + 1)
    versions.set(stream, version)
  }
}
