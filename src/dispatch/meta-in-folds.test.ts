// The metadata of facts in the fold of a decider that reads it: the same, whichever way the state comes.
import { afterEach, expect, test } from 'bun:test'
import { z } from 'zod'
import { decider } from '../definitions/decider/decider.ts'
import { fold } from '../definitions/decider/fold.ts'
import { reject } from '../definitions/decider/reject.ts'
import { events, spec, split } from '../definitions/event/events.ts'
import { fingerprint } from '../definitions/event/schema.ts'
import type { LoadRequest } from '../ports/store/load.ts'
import { memory } from '../ports/store/memory.ts'
import { runtime } from '../runtime.ts'
import { cleanUp, cleanUpLater } from '../test-support/cleanup.ts'
import { until } from '../test-support/servers/until.ts'

afterEach(cleanUp)

const Note = events('note', { Written: z.object({ text: z.string() }), Signed: z.object({}) })
const options = {
  initial: { by: [] as readonly string[], tenants: [] as readonly unknown[], schemas: [] as readonly string[] },
  commands: { write: z.object({}), sign: z.object({}) },
  decide: {
    write: () => [Note.Written({ text: 'a' }), Note.Signed({})],
    sign: ({ by }: { readonly by: readonly string[] }) => (by.includes('bob') ? reject('signed') : Note.Signed({})),
  },
}
const note = decider(Note, {
  ...options,
  readsMeta: true,
  evolve: {
    Written: (state, _, { meta }) => ({
      by: [...state.by, meta.actor ?? '-'],
      tenants: [...state.tenants, meta.custom?.['tenant']],
      schemas: [...state.schemas, meta.schema],
    }),
    Signed: (state, _, { meta }) => ({ ...state, by: [...state.by, meta.actor ?? '-'] }),
  },
})
const snapped = decider(Note, {
  ...options,
  readsMeta: true,
  snapshot: { every: 2 },
  evolve: Object.fromEntries(note[spec].evolve) as never,
})
const plain = decider(Note, { ...options, evolve: { Written: s => s, Signed: s => s } })
const schema = Note[spec].types.get('Written')!.fingerprint

/** A store in memory, and what it was asked to load. */
function watchedStore() {
  const store = memory()
  const asked: LoadRequest[] = []
  const load: typeof store.load = (requests, keys) => {
    asked.push(...requests)
    return store.load(requests, keys)
  }
  return { store: { ...store, load }, asked }
}

async function open(served: typeof note | typeof plain | typeof snapped, store = memory()) {
  const emaki = await runtime({ serve: [served], store, report: () => {} })
  cleanUpLater(() => emaki.close())
  return emaki
}

test('a fold that reads metadata gives the same state of what was just decided, loaded, missed, or asked for by its version', async () => {
  const { store, asked } = watchedStore()
  const [one, other] = [await open(note, store), await open(note, store)]
  await one.send(note.write('n1', {}), { actor: 'ann', meta: { tenant: 'north' } })
  const written = { by: ['ann', 'ann'], tenants: ['north'], schemas: [schema] }
  for (const emaki of [one, other, await open(note, store)]) expect((await emaki.state('note', 'n1'))?.state).toEqual(written)
  expect(asked.every(({ meta }) => meta === true)).toBeTrue()
  await one.send(note.sign('n1', {}), { actor: 'bob' })
  // The other knows the state before, and learns by its conflict what it missed.
  expect(await other.send(note.sign('n1', {}), { actor: 'eve' })).toMatchObject({ outcome: 'rejected', code: 'signed' })
  expect((await other.state('note', 'n1'))?.state).toEqual({ ...written, by: ['ann', 'ann', 'bob'] })
  expect((await other.state('note', 'n1', { version: 2 }))?.state).toEqual(written)
})

test('a fold that reads metadata goes on from its snapshot', async () => {
  const store = memory()
  const first = await open(snapped, store)
  await first.send(snapped.write('n1', {}), { actor: 'ann', meta: { tenant: 'north' } })
  const { fold } = snapped[spec].snapshot!
  const saved = async () => (await store.load([{ stream: 'note-n1', after: 0, snapshot: fold }], [])).streams[0]!.snapshot
  await until('the snapshot is saved', async () => (await saved()) !== null)
  const second = await open(snapped, store)
  await second.send(snapped.sign('n1', {}), { actor: 'bob' })
  for (const emaki of [second, await open(snapped, store)])
    expect((await emaki.state('note', 'n1'))?.state).toMatchObject({ by: ['ann', 'ann', 'bob'] })
})

test('a fact that was split gives its metadata to each part, with the schema that wrote it', () => {
  const Old = z.object({ text: z.string() })
  const Parts = events(
    'note',
    { Begun: z.object({}), Signed: z.object({}) },
    { was: { Written: split(Old, (_, make) => [make.Begun({}), make.Signed({})]) } },
  )
  const parts = decider(Parts, {
    initial: [] as readonly string[],
    readsMeta: true,
    evolve: {
      Begun: (state, _, { meta }) => [...state, `${meta.actor} ${meta.schema}`],
      Signed: (state, _, { meta }) => [...state, `${meta.actor} ${meta.schema}`],
    },
    commands: {},
    decide: {},
  })
  const meta = { correlation: 'c', causation: 'c', actor: 'ann' }
  const { meta: _, ...bare } = { type: 'Written', schema: fingerprint(Old), data: { text: 'a' }, meta }
  const start = { state: parts[spec].initial, version: 0 }
  const one = `ann ${fingerprint(Old)}`
  expect(fold(parts[spec], 'note-n1', start, [{ ...bare, meta }])).toEqual({ state: [one, one], version: 1 })
  expect(() => fold(parts[spec], 'note-n1', start, [bare])).toThrow('a fact without it')
})

test('a decider that reads no metadata loads none', async () => {
  const { store, asked } = watchedStore()
  await (await open(plain, store)).send(plain.write('n1', {}))
  expect((await (await open(plain, store)).state('note', 'n1'))?.version).toBe(2)
  expect(asked.length).toBeGreaterThan(0)
  expect(asked.filter(({ meta }) => meta)).toEqual([])
})
