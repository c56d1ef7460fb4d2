// What a projector says it keeps in memory.
import { expect, test } from 'bun:test'
import { z } from 'zod'
import { events, spec } from '../event/events.ts'
import { projection } from '../projection/projection.ts'
import type { Lease } from '../read-model/read-model.ts'
import { memory } from '../store/memory.ts'
import { Projector } from './projector.ts'

const Note = events('note', { Written: z.object({ text: z.string() }) })
const notes = projection('notes', {
  from: Note,
  row: z.object({ text: z.string() }),
  initial: { text: '' },
  evolve: { Written: (row, { text }) => ({ text: row.text + text }) },
})
const table = { name: 'notes_v1', indexes: [] }
const LENGTH = 10_000
const MANY = 100

test('what is pending is at least as much as the rows that are not saved hold, and nothing once they are', async () => {
  const store = memory()
  await store.readModel.prepare([table])
  const lease = (await store.readModel.acquire('notes_v1', { owner: 'o', ttlMs: 60_000, start: 0 })) as Lease
  const projector = new Projector(store, notes[spec], table, null)
  await projector.begin(lease)
  const { fingerprint: schema } = Note[spec].types.get('Written')!
  const page = (from: number) =>
    Array.from({ length: MANY }, (_, i) => ({
      ...{ id: 'e', stream: `note-${i}`, version: 1, position: from + i, type: 'Written', schema, at: '2026-01-01T00:00:00Z' },
      ...{ meta: '{}', data: JSON.stringify({ text: 'x'.repeat(LENGTH) }) },
    }))
  expect(projector.pending()).toBeNull()
  await projector.take(page(1), null)
  expect(projector.pending()).toBeWithin(MANY * LENGTH, 1.2 * MANY * LENGTH)
  await projector.take(page(1 + MANY), null)
  expect(projector.pending()).toBeWithin(2 * MANY * LENGTH, 2.2 * MANY * LENGTH)
  await projector.save({ name: 'notes_v1', epoch: lease.epoch, from: 0, to: 2 * MANY, ttlMs: 60_000 })
  expect(projector.pending()).toBeNull()
  // One small change makes a whole row pending.
  await projector.take([{ ...page(1 + 2 * MANY)[0]!, data: '{"text":"y"}' }], null)
  expect(projector.pending()).toBeWithin(2 * LENGTH, 2.2 * LENGTH)
})
