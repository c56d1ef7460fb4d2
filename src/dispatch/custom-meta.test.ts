// Metadata of one's own: who gives it with a command finds it in every fold and every reader of the event.
import { afterEach, expect, test } from 'bun:test'
import { z } from 'zod'
import { events } from '../definitions/event/events.ts'
import { decider } from '../definitions/decider/decider.ts'
import { processManager } from '../definitions/process/process.ts'
import { processor } from '../definitions/processor.ts'
import { projection } from '../definitions/projection/projection.ts'
import { memory } from '../ports/store/memory.ts'
import { type Runtime, runtime } from '../runtime.ts'
import { until } from '../test-support/servers/until.ts'
import { cloudEventOf } from '../transfer/cloud-event.ts'

const Note = events('note', { Written: z.object({}), Copied: z.object({}) })
const note = decider(Note, {
  initial: {},
  evolve: { Written: state => state, Copied: state => state },
  commands: { write: z.object({}), copy: z.object({}) },
  decide: { write: () => [Note.Written({}), Note.Written({})], copy: () => Note.Copied({}) },
})
const tenants = projection('tenants', {
  from: Note,
  row: z.object({ tenant: z.string(), notes: z.int() }),
  key: { Written: (_, { meta }) => String(meta.custom?.['tenant']) },
  initial: { tenant: '', notes: 0 },
  evolve: { Written: ({ notes }, _, { meta }) => ({ tenant: String(meta.custom?.['tenant']), notes: notes + 1 }) },
})
const seen: unknown[] = []
const copier = processManager('copier', {
  from: Note,
  to: note,
  begins: 'Written',
  initial: { tenant: '' },
  evolve: { Written: (_, __, { meta }) => ({ tenant: String(meta.custom?.['tenant']) }) },
  react: { Written: ({ tenant }) => note.copy(`of-${tenant}`, {}) },
  on: { rejected: () => [] },
})
const reader = processor('reader', { from: Note, types: ['Written'], handle: ([event]) => void seen.push(event?.meta.custom) })

const closing: Runtime[] = []
afterEach(async () => {
  for (const one of closing.splice(0)) await one.close()
})

test('metadata of a command is in all of its events, for projections, processes, processors and CloudEvents', async () => {
  const emaki = await runtime({ serve: [note, tenants, copier, reader], store: memory() })
  closing.push(emaki)
  const custom = { tenant: 'north', at: { line: 3 } }
  const sent = await emaki.send(note.write('n1', {}), { meta: custom })
  expect(sent.outcome).toBe('accepted')
  await until('all have seen it', async () => seen.length === 2 && (await emaki.state('note', 'of-north')) !== null)
  expect(seen).toEqual([custom, custom])
  expect(await emaki.row(tenants, 'north', { atLeast: 2 })).toMatchObject({ notes: 2 })
  const [first] = await emaki.store.read('note-n1', { after: 0, limit: 1 })
  const { attributes } = cloudEventOf(first!, emaki.store.identity)
  expect(JSON.parse(attributes['custommeta'] as string)).toEqual(custom)
  const [copied] = await emaki.store.read('note-of-north', { after: 0, limit: 1 })
  // A process sends for itself.
  expect(JSON.parse(copied!.meta)).not.toHaveProperty('custom')
})

test('metadata of an append is in its events, and metadata that is no JSON is refused by send and by append', async () => {
  const emaki = await runtime({ serve: [note], store: memory() })
  closing.push(emaki)
  const append = (meta: object) =>
    emaki.append([{ stream: 'note-n1', expect: 'any', events: [Note.Copied({})] }], { meta: meta as { a: string } })
  await append({ a: 'b' })
  const [event] = await emaki.store.read('note-n1', { after: 0, limit: 9 })
  expect(JSON.parse(event!.meta)).toMatchObject({ custom: { a: 'b' } })
  const dated = { at: new Date(0) as never }
  const issues = [{ path: '/meta/at', message: 'a meta is JSON, found /at: Date is no JSON' }]
  expect(await emaki.send(note.copy('n1', {}), { meta: dated })).toEqual({ outcome: 'invalid', issues })
  expect(() => append(dated)).toThrow('append: a meta is JSON, found /at: Date is no JSON')
})
