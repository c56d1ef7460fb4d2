// A rolling deploy: releases that call append_v1 and releases that call append_v4 write one log at the same time.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import createClient, { type Sql } from 'postgres'
import type { NewEvent } from '../../ports/store/event.ts'
import type { Store } from '../../ports/store/store.ts'
import type { NewKey, Unit } from '../../ports/store/unit.ts'
import { type TestSchema, testSchema } from '../../test-support/schema.ts'
import { migrate } from './migrate.ts'
import { migrations } from './migrations.ts'
import { postgres } from './store.ts'

const ROUNDS = 40
const KEEP_MS = 60_000

/** What append_v1 answers. */
type Answer = {
  readonly first: string | null
  readonly heads: readonly string[]
  readonly failed: {
    readonly conflicts: readonly { readonly actual: number; readonly missed: readonly { readonly id: string }[] | null }[]
    readonly known: readonly number[] | null
  } | null
}
type Write = { readonly stream: string; readonly expect: number; readonly events: readonly NewEvent[]; readonly key?: string }

let at: TestSchema
let store: Store
beforeAll(async () => {
  at = await testSchema()
  store = postgres(at.url, { schema: at.schema })
  await store.open()
})
afterAll(async () => {
  await store.close()
  await at.drop()
})

describe('an older release beside a newer one', () => {
  test('an older release appends behind the events of a newer one, and the newer one behind its', async () => {
    const events = [newEvent(), newEvent(), newEvent()]
    await appendOlder({ stream: 'turn-1', expect: 0, events: [events[0]!] })
    await store.append([unitOf({ stream: 'turn-1', expect: 1, events: [events[1]!] })])
    await appendOlder({ stream: 'turn-1', expect: 2, events: [events[2]!] })
    const found = await store.read('turn-1', { after: 0, limit: 10 })
    expect(found.map(({ id }) => id)).toEqual(events.map(({ id }) => id))
    expect(found.map(({ version }) => version)).toEqual([1, 2, 3])
    expect(found[2]!.position - found[0]!.position).toBe(2)
  })

  test('an older release gets a conflict with the events of a newer one that it missed, and the newer one with its', async () => {
    const [mine, yours] = [newEvent(), newEvent()]
    await store.append([unitOf({ stream: 'race-1', expect: 0, events: [mine] })])
    const { failed } = await appendOlder({ stream: 'race-1', expect: 0, events: [newEvent()] })
    expect(failed).toMatchObject({ conflicts: [{ actual: 1, missed: [{ id: mine.id }] }], known: null })
    await appendOlder({ stream: 'race-1', expect: 1, events: [yours] })
    const [outcome] = await store.append([unitOf({ stream: 'race-1', expect: 1, events: [newEvent()] })])
    expect(outcome).toMatchObject({ outcome: 'conflict', conflicts: [{ actual: 2, missed: [{ id: yours.id }] }] })
  })

  test('an older release knows the keys of a newer one, and the newer one its, with the position of their event', async () => {
    const older = { stream: 'key-1', expect: 0, events: [newEvent()], key: 'older' }
    const newer = { stream: 'key-2', expect: 0, events: [newEvent()], key: 'newer' }
    const { first } = await appendOlder(older)
    await store.append([unitOf(newer)])
    expect((await appendOlder({ ...newer, expect: 1 })).failed?.known).toEqual([0])
    const [outcome] = await store.append([unitOf({ ...older, expect: 1 })])
    expect(outcome).toMatchObject({ outcome: 'duplicate', keys: [{ key: 'older', position: Number(first), version: 1 }] })
    const { keys } = await store.load([], ['newer'])
    expect(keys).toMatchObject([{ position: Number(first) + 1, version: 1, count: 1 }])
  })

  test('an older release uses a key of a newer one again once its time is over, and the newer one after it', async () => {
    const write = (version: number) => ({ stream: 'again-1', expect: version, events: [newEvent()], key: 'again' })
    await store.append([unitOf(write(0))])
    await endKeys()
    expect((await appendOlder(write(1))).failed).toBeNull()
    await endKeys()
    expect(await store.append([unitOf(write(2))])).toMatchObject([{ outcome: 'appended' }])
  })
})

test('an older and a newer release at once leave no hole in positions or versions, and use a key once', async () => {
  const began = await store.head()
  const writers = await Promise.all([olderWriter(), olderWriter(), newerWriter(), newerWriter()])
  let isWriting = true
  const seen = followWhile(() => isWriting, began)
  const wins = await Promise.all(
    writers.map(async ({ append, close }, i) => {
      let won = 0
      for (let round = 0; round < ROUNDS; round++) {
        if (await append({ stream: 'hot-1', expect: -1, events: [newEvent(), newEvent()], key: `hot-${round}` })) won++
        await append({ stream: `own-${i}`, expect: round, events: [newEvent()] })
      }
      await close()
      return won
    }),
  )
  isWriting = false
  expect(wins.reduce((sum, won) => sum + won, 0)).toBe(ROUNDS)
  // A reader that follows the log finds every position in order, so that none appeared behind it.
  const total = 2 * ROUNDS + writers.length * ROUNDS
  expect(await seen).toEqual(Array.from({ length: total }, (_, i) => began + i + 1))
  const hot = await store.read('hot-1', { after: 0, limit: total })
  expect(hot.map(({ version }) => version)).toEqual(Array.from({ length: 2 * ROUNDS }, (_, i) => i + 1))
})

test('a role that could append before append_v2, append_v3 and append_v4 came may call all from then on, and nobody else', async () => {
  const [old, role] = [await testSchema(), `rolling_${at.schema}`]
  await old.sql.unsafe(`create role ${role} login; create role ${role}_other login`).simple()
  try {
    const before = migrations.findIndex(({ name }) => name === '0023-append-v2')
    await migrate(old.sql, old.schema, migrations.slice(0, before))
    await old.sql.unsafe(`set search_path = ${old.schema}; select grant_app_v3('${role}')`).simple()
    await migrate(old.sql, old.schema)
    const may = async (name: string) => {
      const [found] = await old.sql`
        select array_agg(has_function_privilege(${name}, p.oid, 'execute')) as may from pg_proc p
        where p.pronamespace = ${old.schema}::regnamespace and p.proname in ('append_v1', 'append_v2', 'append_v3', 'append_v4', 'append_rows_v1', 'append_rows_v2')`
      return found!['may'] as boolean[]
    }
    expect(await may(role)).toEqual(Array(6).fill(true))
    expect(await may(`${role}_other`)).toEqual(Array(6).fill(false))
  } finally {
    await old.sql.unsafe(`drop owned by ${role}; drop role ${role}; drop role ${role}_other`).simple()
    await old.drop()
  }
})

function newEvent(): NewEvent {
  return { id: Bun.randomUUIDv7(), type: 'T', schema: 's', data: '{}', meta: '{}' }
}

function keyOf({ stream, expect, events, key }: Write): readonly NewKey[] {
  if (key === undefined) return []
  const version = Math.max(expect, 0) + events.length
  return [{ key, fingerprint: 'f', stream, version, count: events.length, rejection: null, keepMs: KEEP_MS }]
}

function unitOf(write: Write): Unit {
  const { stream, expect, events } = write
  return { slices: [{ stream, expect: expect === -1 ? 'any' : expect, events }], keys: keyOf(write) }
}

/** Calls as releases before append_v2 do: they name no `last` of a key. */
async function appendOlder(write: Write, sql: Sql = at.sql): Promise<Answer> {
  const { stream, expect, events } = write
  const keys = keyOf(write).map(({ keepMs, ...key }) => ({ ...key, unit: 0, keep_ms: keepMs }))
  const joinField = (field: keyof NewEvent) => events.map(event => event[field]).join('\n')
  const [answer] = await sql.unsafe<Answer[]>(
    `select * from ${at.schema}.append_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::text::json, $12)`,
    [
      [stream],
      [expect],
      [0],
      events.map(() => 1),
      events.map((_, i) => i + 1),
      ...(['id', 'type', 'schema', 'data', 'meta'] as const).map(joinField),
      keys.length ? JSON.stringify(keys) : null,
      2_000,
    ],
  )
  return answer!
}

type Writer = { readonly append: (write: Write) => Promise<boolean>; readonly close: () => Promise<void> }

async function olderWriter(): Promise<Writer> {
  const sql = createClient(at.url, { max: 1, onnotice: () => {} })
  return { append: async write => (await appendOlder(write, sql)).failed === null, close: () => sql.end() }
}

async function newerWriter(): Promise<Writer> {
  const own = postgres(at.url, { schema: at.schema, migrate: false })
  await own.open()
  return { append: async write => (await own.append([unitOf(write)]))[0]!.outcome === 'appended', close: () => own.close() }
}

/** Reads the log from a position on until nobody writes and nothing is left; gives the positions in the order in which they were read. */
async function followWhile(isWriting: () => boolean, after: number): Promise<readonly number[]> {
  const seen: number[] = []
  for (;;) {
    const isLast = !isWriting()
    const page = await store.readAll({ after: seen.at(-1) ?? after, limit: 1_000 })
    seen.push(...page.map(({ position }) => position))
    if (isLast && page.length === 0) return seen
  }
}

async function endKeys(): Promise<void> {
  await at.sql`update ${at.sql(`${at.schema}.keys`)} set until = clock_timestamp() - interval '1 second'`
}
