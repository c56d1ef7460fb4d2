// The bound of the rows that a projector keeps: 134 MB of them.
import { expect, test } from 'bun:test'
import { z } from 'zod'
import { events, spec } from '../../definitions/event/events.ts'
import { projection } from '../../definitions/projection/projection.ts'
import type { Lease } from '../../ports/read-model/leases.ts'
import { memory } from '../../ports/store/memory.ts'
import { Projector } from './projector.ts'

const Note = events('note', { Written: z.object({ text: z.string() }) })
const notes = projection('notes', {
  from: Note,
  row: z.object({ text: z.string() }),
  initial: { text: '' },
  evolve: { Written: (row, { text }) => ({ text: row.text + text }) },
})
const table = { name: 'notes_v1', indexes: [] }

const { fingerprint: schema } = Note[spec].types.get('Written')!
const buildWritten = (stream: string, position: number, text: string) => ({
  ...{ id: 'e', stream, version: 1, position, type: 'Written', schema, at: '2026-01-01T00:00:00Z', meta: '{}' },
  data: JSON.stringify({ text }),
})

test('rows are kept between pages up to a bound, and read again beyond it', async () => {
  const store = memory()
  await store.readModel.prepare([table])
  const lease = (await store.readModel.acquire('notes_v1', { owner: 'o', ttlMs: 60_000, start: 0 })) as Lease
  const asked: number[] = []
  const rows: typeof store.readModel.rows = (table, keys) => {
    asked.push(keys.length)
    return store.readModel.rows(table, keys)
  }
  const projector = new Projector({ ...store, readModel: { ...store.readModel, rows } }, notes[spec], table, null, {
    report: () => {},
  })
  await projector.begin(lease)
  const text = 'x'.repeat(1_000_000)
  const saveNotes = async (from: number, to: number) => {
    for (let i = from; i < to; i++) await projector.handle([buildWritten(`note-${i}`, i + 1, text)], null)
    await projector.save({ name: 'notes_v1', epoch: lease.epoch, from, to, ttlMs: 60_000 })
  }
  await saveNotes(0, 134)
  await projector.handle([buildWritten('note-0', 135, '')], null)
  expect(asked).toEqual([])
  await saveNotes(134, 135)
  await projector.handle([buildWritten('note-0', 136, '')], null)
  expect(asked).toEqual([1])
})
