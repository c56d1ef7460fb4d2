import { expect, test } from 'bun:test'
import { z } from 'zod'
import { events, spec } from '../../definitions/event/events.ts'
import { projection } from '../../definitions/projection/projection.ts'
import type { Lease } from '../../ports/read-model/leases.ts'
import type { Notice } from '../../ports/report/notice.ts'
import { memory } from '../../ports/store/memory.ts'
import { findLostField } from './lost-fields.ts'
import { Projector } from './projector.ts'

test.each<[object, object, string | null]>([
  [{ a: 1, b: { c: [1, { d: null }] } }, { a: 1, b: { c: [1, { d: null }] } }, null],
  [{ a: 1, b: undefined }, { a: 1 }, null],
  [{ a: 1, statu: 2 }, { a: 1 }, 'statu'],
  [{ lines: [{ sku: 'a' }, { sku: 'b', nte: 'x' }] }, { lines: [{ sku: 'a' }, { sku: 'b' }] }, 'lines.1.nte'],
  [{ who: null }, { who: null }, null],
])('of the row %j, stored as %j, the first lost field is %p', (row, stored, field) => {
  expect(findLostField(row, stored)).toBe(field)
})

const Note = events('note', { Written: z.object({ text: z.string() }) })
const { fingerprint: schema } = Note[spec].types.get('Written')!

test('a projection whose folds give fields that its rows do not have reports the first of them, once', async () => {
  const Row = z.object({ text: z.string() })
  const initial = { text: '' }
  const evolve = { Written: (_: unknown, { text }: { text: string }) => ({ text, txt: text }) as z.output<typeof Row> }
  const notes = projection('notes', { from: Note, row: Row, initial, evolve })
  const store = memory()
  await store.readModel.prepare([{ name: 'notes_v1', indexes: [] }])
  const lease = (await store.readModel.acquire('notes_v1', { owner: 'o', ttlMs: 60_000, start: 0 })) as Lease
  const reported: Notice[] = []
  const report = (notice: unknown) => void reported.push(notice as Notice)
  const projector = new Projector(store, notes[spec], { name: 'notes_v1', indexes: [] }, null, { report })
  await projector.begin(lease)
  for (const position of [1, 2]) {
    const stored = { id: 'e', stream: `note-${position}`, version: 1, position, type: 'Written', schema, meta: '{}' }
    await projector.handle([{ ...stored, at: '2026-01-01T00:00:00Z', data: '{"text":"x"}' }], null)
    await projector.save({ name: 'notes_v1', epoch: lease.epoch, from: position - 1, to: position, ttlMs: 60_000 })
  }
  expect(reported.map(({ code, level, fields }) => ({ code, level, fields }))).toEqual([
    { code: 'field-lost', level: 'warn', fields: { subscription: 'notes_v1', key: '1', field: 'txt' } },
  ])
})
