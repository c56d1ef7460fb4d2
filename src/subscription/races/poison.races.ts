import { describe, expect } from 'bun:test'
import { form, race } from '../../adapters/postgres/races/form.ts'
import type { Random } from '../../adapters/postgres/races/random.ts'
import { postgres } from '../../adapters/postgres/store.ts'
import { sqlite } from '../../adapters/sqlite/store.ts'
import type { NewEvent } from '../../ports/store/event.ts'
import type { Store } from '../../ports/store/store.ts'
import { eventually } from '../../adapters/postgres/races/patience.ts'
import { Arena, SHORT_LEASE_MS } from './arena.ts'
import type { Seen } from './checker.ts'
import type { Node } from './nodes.ts'
import { onPostgres, onSqlite, type Place, SCHEMA } from './places.ts'
import type { Poison } from './poison.ts'

const CALLERS = 4
/** What a node may use of a processor before it answers: it gives way every 10 ms. */
const BUSY_MAX_MS = 1_200
const LIVES_MAX = 12
const STREAM = 'hot-poisoned'

const FOLDS: readonly Poison[] = ['throws', 'gives NaN', 'gives a promise', 'never ends']
const UNREADABLE = [
  ['is of a type that no release knows', { type: 'Unheard', data: '{"token":"unheard","text":""}' }],
  ['does not fit its schema', { type: 'Raced', data: '{"token":7}' }],
  ['is no JSON', { type: 'Raced', data: '{"token":"cut off' }],
] as const

for (const [where, make, folds, bads] of [
  ['PostgreSQL', onPostgres, form(['never ends'], FOLDS), UNREADABLE.slice(form(2, 0))],
  ['a file', onSqlite, FOLDS, UNREADABLE],
] as const) {
  describe(`poison, an event that cannot be folded, on ${where}`, () => {
    for (const poison of folds) {
      race(`poison on ${where}: a fold that ${poison} parks its key alone, which is right once mended`, random =>
        checkPoison(random, poison, make),
      )
    }

    for (const [what, bad] of bads) {
      race(`poison on ${where}: an event that ${what} parks its stream alone, until it is skipped`, random =>
        checkUnreadable(random, bad, make),
      )
    }
  })
}

describe('poison, an event whose fold throws,', () => {
  race('poison shows the planted bug: its key goes on without the event', async random => {
    await using arena = new Arena(await onSqlite(), random, { isPoison, poison: 'throws', plant: 'parks and goes on' })
    const [node] = await arena.start(1)
    arena.watch()
    node!.load(CALLERS)
    await using store = await openStore(arena.place)
    await append(store, [racedEvent('before'), racedEvent('poison: throws'), racedEvent('after')])
    await eventually('it has shown', () => arena.shows(/^counts_v1\/poisoned is parked, and its row went on/))
  })
})

const isPoison = (table: string, { token }: { token: string | null }) =>
  table === 'counts_v1' && (token?.startsWith('poison') ?? false)

/** One event is poison. */
async function checkPoison(random: Random, poison: Poison, make: () => Promise<Place>): Promise<void> {
  await using arena = new Arena(await make(), random, { isPoison, poison, leaseMs: SHORT_LEASE_MS })
  const nodes = await arena.start(arena.place.database.kind === 'postgres' ? 2 : 1)
  arena.watch()
  for (const node of nodes) node.load(CALLERS)
  await using store = await openStore(arena.place)
  await append(store, [racedEvent('before'), racedEvent(`poison: ${poison}`), racedEvent('after')])
  await whileSupervised(nodes, () => parked(arena, ['key counts_v1 poisoned']))
  await arena.caughtUpOnce()
  for (const node of nodes) await node.end()
  const [mended] = await arena.start(1, { poison: null })
  mended!.load(CALLERS)
  await store.readModel.unpark('counts_v1')
  await parked(arena, [])
  await append(store, [racedEvent('last')])
  expect(await arena.settle({ foreign: true })).toEqual([])
}

/** One event cannot be read by anybody. */
async function checkUnreadable(random: Random, bad: Pick<NewEvent, 'type' | 'data'>, make: () => Promise<Place>): Promise<void> {
  await using arena = new Arena(await make(), random)
  const [node] = await arena.start(1)
  arena.watch()
  node!.load(CALLERS)
  await using store = await openStore(arena.place)
  await append(store, [racedEvent('before'), { ...racedEvent('bad'), ...bad }, racedEvent('after')])
  // Who reads certain types only never sees one that it does not know.
  const streams = ['effects', 'sql_report_v1', ...(bad.type === 'Raced' ? ['open_v1', 'tags_v1'] : [])]
  // Which row it is for is known without reading it, where that is the one of its instance.
  const keys = bad.type === 'Raced' ? ['counts_v1'] : []
  await parked(arena, [...streams.map(name => `stream ${name} ${STREAM}`), ...keys.map(name => `key ${name} poisoned`)])
  await arena.caughtUpOnce()
  for (const name of streams) await store.readModel.unpark(name, STREAM, 'skip')
  for (const name of keys) await store.readModel.unpark(name, 'poisoned', 'skip')
  await parked(arena, [])
  await append(store, [racedEvent('last')])
  expect(await arena.settle({ foreign: true })).toEqual([])
}

/** Kills nodes that do not answer, as whoever supervises them would. */
async function whileSupervised(nodes: readonly Node[], wait: () => Promise<void>): Promise<void> {
  let isOver = false
  const supervising = nodes.map(async node => {
    while (!isOver) {
      if (await node.hangs(BUSY_MAX_MS)) await node.kill()
      await Bun.sleep(50)
    }
  })
  await wait()
  isOver = true
  await Promise.all(supervising)
  expect(nodes.reduce((sum, { lives }) => sum + lives, 0)).toBeLessThan(LIVES_MAX)
}

/** Waits until this is parked, and nothing else. */
async function parked(arena: Arena, expected: readonly string[]): Promise<void> {
  let found: Seen['parked'] = []
  const said = () => found.map(({ kind, name, key }) => `${kind} ${name} ${key}`).sort()
  await eventually(`parked is ${expected.join(', ') || 'nothing'}`, async () => {
    found = (await arena.look()).parked
    return String(said()) === String([...expected].sort())
  }).catch(error => {
    throw new Error(`${error} It is ${said().join(', ')}`)
  })
}

/** A store of the test's own, beside the nodes. */
async function openStore({ database }: Place): Promise<Store & AsyncDisposable> {
  const store =
    database.kind === 'postgres'
      ? postgres(database.url, { schema: SCHEMA, migrate: false, pooler: false })
      : sqlite(database.file, { exclusive: false })
  await store.open()
  return Object.assign(store, { [Symbol.asyncDispose]: () => store.close() })
}

async function append(store: Store, events: readonly NewEvent[]): Promise<void> {
  await store.append([{ slices: [{ stream: STREAM, expect: 'any', events }], keys: [] }])
}

function racedEvent(token: string): NewEvent {
  return { id: Bun.randomUUIDv7(), type: 'Raced', schema: 'races', data: JSON.stringify({ token, text: '' }), meta: '{}' }
}
