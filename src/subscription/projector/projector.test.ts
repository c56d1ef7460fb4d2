// What a projector says it keeps in memory.
import { expect, test } from 'bun:test'
import { z } from 'zod'
import { events, spec } from '../../definitions/event/events.ts'
import { projection } from '../../definitions/projection/projection.ts'
import type { Lease } from '../../ports/read-model/leases.ts'
import { memory } from '../../ports/store/memory.ts'
import { measureStretches } from '../../test-support/stretches.ts'
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

test('the pending size is at least as much as the rows that are not saved hold, and zero once they are', async () => {
  const store = memory()
  await store.readModel.prepare([table])
  const lease = (await store.readModel.acquire('notes_v1', { owner: 'o', ttlMs: 60_000, start: 0 })) as Lease
  const projector = new Projector(store, notes[spec], table, null, { report: () => {} })
  await projector.begin(lease)
  const { fingerprint: schema } = Note[spec].types.get('Written')!
  const page = (from: number) =>
    Array.from({ length: MANY }, (_, i) => ({
      ...{ id: 'e', stream: `note-${i}`, version: 1, position: from + i, type: 'Written', schema, at: '2026-01-01T00:00:00Z' },
      ...{ meta: '{}', data: JSON.stringify({ text: 'x'.repeat(LENGTH) }) },
    }))
  expect(projector.pendingSize()).toBeNull()
  await projector.handle(page(1), null)
  expect(projector.pendingSize()).toBeWithin(MANY * LENGTH, 1.2 * MANY * LENGTH)
  await projector.handle(page(1 + MANY), null)
  expect(projector.pendingSize()).toBeWithin(2 * MANY * LENGTH, 2.2 * MANY * LENGTH)
  await projector.save({ name: 'notes_v1', epoch: lease.epoch, from: 0, to: 2 * MANY, ttlMs: 60_000 })
  expect(projector.pendingSize()).toBeNull()
  // One small change makes a whole row pending.
  await projector.handle([{ ...page(1 + 2 * MANY)[0]!, data: '{"text":"y"}' }], null)
  expect(projector.pendingSize()).toBeWithin(2 * LENGTH, 2.2 * LENGTH)
})

const { fingerprint: schema } = Note[spec].types.get('Written')!
const buildWritten = (stream: string, position: number, text: string) => ({
  ...{ id: 'e', stream, version: 1, position, type: 'Written', schema, at: '2026-01-01T00:00:00Z', meta: '{}' },
  data: JSON.stringify({ text }),
})

test('a fold ends its turn of the event loop after 10 ms', async () => {
  using stretches = measureStretches()
  const slow = projection('notes', {
    from: Note,
    row: z.object({ text: z.string() }),
    initial: { text: '' },
    evolve: {
      Written: row => {
        stretches.work(1 / 8)
        return row
      },
    },
  })
  const projector = new Projector(memory(), slow[spec], table, null, { report: () => {} })
  await projector.begin({ name: 'notes_v1', epoch: 1, position: 0, isTakeover: false, takeovers: 0, suspect: null })
  const events = Array.from({ length: 1_281 }, (_, i) => buildWritten('note-1', i + 1, ''))
  await projector.handle(events, null)
  // It looks each 64 events, which take 8 ms: every second time more than 10 have passed.
  expect(stretches.longest).toBe(16)
})

test('a key that is folded from the beginning with an unparked stream is parked no longer', async () => {
  const store = memory()
  await store.readModel.prepare([table])
  const all = projection('notes', {
    from: Note,
    row: z.object({ text: z.string() }),
    initial: { text: '' },
    key: { Written: () => 'k' },
    evolve: { Written: (row, { text }) => ({ text: row.text + text }) },
  })
  const event = (text: string) => ({ id: text, type: 'Written', schema, data: JSON.stringify({ text }), meta: '{}' })
  for (const stream of ['note-a', 'note-b'])
    await store.append([{ slices: [{ stream, expect: 0, events: [event(stream.at(-1)!)] }], keys: [] }])
  const { epoch } = (await store.readModel.acquire('notes_v1', { owner: 'o', ttlMs: 60_000, start: 0 }))!
  const guard = { name: 'notes_v1', epoch, from: 2, to: 2, ttlMs: 60_000 }
  const park = [
    { kind: 'key', key: 'k', position: 1, cause: 'it failed' },
    { kind: 'stream', key: 'note-b', position: 2, cause: 'it could not be read' },
  ] as const
  await store.readModel.commit({ ...guard, from: 0, rows: [], park, unpark: [] })
  await store.readModel.unpark('notes_v1', 'note-b')
  const projector = new Projector(store, all[spec], table, null, { report: () => {} })
  await projector.begin({ name: 'notes_v1', epoch, position: 2, isTakeover: false, takeovers: 0, suspect: null })
  await projector.retryParked(guard)
  expect(await store.readModel.parked()).toEqual([])
  expect((await store.readModel.rows(table, ['k'])).map(({ data }) => data)).toEqual(['{"text":"ab"}'])
})
