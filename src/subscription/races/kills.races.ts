import { describe, expect } from 'bun:test'
import { form, race } from '../../adapters/postgres/races/form.ts'
import { startPostgres } from '../../test-support/servers/postgres.ts'
import { Arena, SHORT_LEASE_MS } from './arena.ts'
import { onPostgres, onSqlite, type PostgresPlace, SCHEMA } from './places.ts'
import { once } from '../../adapters/postgres/races/once.ts'

/** So many looks at the least, or nobody has seen what was there in between. */
const LOOKS_MIN = 20
const EVENTS_MIN = 200
/** How far the log comes between two kills, at most: as far on a slow machine as on a fast one. */
const EVENTS_BETWEEN_MAX = 150
/** So often at most until a planted bug has shown. */
const ROUNDS_MAX = 20

describe('an app that is killed: nodes that end at any moment', () => {
  race(
    'an app that is killed at any moment has rows as the log folds, and effects at least once (one on a file)',
    async random => {
      await using arena = new Arena(await onSqlite(), random)
      const [node] = await arena.start(1)
      arena.watch()
      node!.load(16)
      await arena.grows(EVENTS_MIN)
      for (let round = 0; round < form(4, 100); round++) {
        await arena.grows(random.below(EVENTS_BETWEEN_MAX))
        await node!.kill()
        await arena.movesOn()
      }
      expect(await arena.settle()).toEqual([])
      expect(arena.checker.looks).toBeGreaterThan(LOOKS_MIN)
      expect(arena.checker.log.length).toBeGreaterThan(EVENTS_MIN)
    },
  )

  race(
    'an app that is killed at any moment has rows as the log folds, and effects at least once (three on PostgreSQL)',
    async random => {
      await using arena = new Arena(await onPostgres(), random, { leaseMs: SHORT_LEASE_MS })
      const nodes = await arena.start(3)
      arena.watch()
      await arena.write(2, 8)
      for (const node of nodes) node.load(4)
      await arena.grows(EVENTS_MIN)
      for (let round = 0; round < form(7, 300); round++) {
        await arena.grows(random.below(EVENTS_BETWEEN_MAX))
        await random.pick(nodes).kill()
        await arena.movesOn()
      }
      await arena.ready()
      expect(await arena.settle()).toEqual([])
      expect(arena.checker.looks).toBeGreaterThan(LOOKS_MIN)
      expect(arena.checker.log.length).toBeGreaterThan(EVENTS_MIN)
    },
  )
})

describe('an app that is killed: the planted bug', () => {
  race('an app that is killed shows the planted bug: rows in one transaction, their checkpoint in the next', async random => {
    await using arena = new Arena(await onSqlite(), random, { plant: 'rows first' })
    const [node] = await arena.start(1)
    arena.watch()
    node!.load(8)
    for (let round = 0; round < ROUNDS_MAX && !arena.shows(/and the log gives/); round++) {
      await arena.grows(random.below(EVENTS_BETWEEN_MAX))
      await node!.kill()
      await arena.ready()
    }
    expect(arena.shows(/and the log gives/)).toBeTrue()
  })
})

describe('a PostgreSQL that is killed at any moment', () => {
  race('a PostgreSQL that is killed at any moment has rows as the log folds, and effects at least once', async random => {
    await using server = await startPostgres()
    await using arena = new Arena(await onPostgres(server), random)
    const nodes = await arena.start(2)
    arena.watch()
    await arena.write(2, 8)
    for (const node of nodes) node.load(4)
    await arena.grows(EVENTS_MIN)
    for (let round = 0; round < form(5, 100); round++) {
      await arena.grows(random.below(EVENTS_BETWEEN_MAX))
      await server.kill('SIGKILL')
      await server.restart()
      await arena.movesOn()
    }
    expect(await arena.settle()).toEqual([])
    expect(arena.checker.looks).toBeGreaterThan(LOOKS_MIN)
    expect(arena.checker.log.length).toBeGreaterThan(EVENTS_MIN)
  })

  race('a PostgreSQL that is killed shows the planted bug: an append that is answered before it is on the disk', async random => {
    // What nobody waits for is written at the latest after so long.
    await using server = await startPostgres({ settings: { wal_writer_delay: '10s' } })
    const place = await onPostgres(server)
    await disableSync(place)
    await using arena = new Arena(place, random)
    arena.watch()
    await arena.write(1, 8, 20)
    await arena.grows(EVENTS_BETWEEN_MAX)
    await server.kill('SIGKILL')
    await server.restart()
    expect((await arena.settle({ names: [] })).some(sentence => / was acknowledged, and \d+ of its/.test(sentence))).toBeTrue()
  })
})

/** Has the append function not wait for the disk, whatever its session is told. */
async function disableSync({ url, sql }: PostgresPlace): Promise<void> {
  const [found] = await sql.unsafe<{ text: string }[]>(
    `select pg_get_functiondef(oid) as text from pg_proc where proname = 'append_v4' and pronamespace = '${SCHEMA}'::regnamespace`,
  )
  const isWeak = "current_setting('synchronous_commit') = any ('{off,local}')"
  const always = once(found!.text, isWeak, () => 'true')
  await sql.unsafe(
    once(always, "set_config('synchronous_commit', 'on', true)", () => "set_config('synchronous_commit', 'off', true)"),
  )
  await sql.unsafe(`alter database ${new URL(url).pathname.slice(1)} set synchronous_commit = off`)
}
