import { describe, expect } from 'bun:test'
import { form, race } from '../../postgres/races/form.ts'
import { startPostgres } from '../../testing/servers/postgres.ts'
import { Arena } from './arena.ts'
import { onPostgres, onSqlite } from './places.ts'

/** So many looks at the least, or nobody has seen what was there in between. */
const LOOKS_MIN = 20
const EVENTS_MIN = 200

describe('nodes that are killed at any moment', () => {
  race('leave rows that are the fold of the log, and effects at least once (one on a file)', async random => {
    await using arena = new Arena(await onSqlite(), random)
    const [node] = await arena.start(1)
    arena.watch()
    node!.load(16)
    for (let round = 0; round < form(4, 100); round++) {
      await Bun.sleep(200 + random.below(800))
      await node!.kill()
      await arena.ready()
    }
    expect(await arena.settle()).toEqual([])
    expect(arena.checker.looks).toBeGreaterThan(LOOKS_MIN)
    expect(arena.checker.log.length).toBeGreaterThan(EVENTS_MIN)
  })

  race('leave rows that are the fold of the log, and effects at least once (three on PostgreSQL)', async random => {
    await using arena = new Arena(await onPostgres(), random)
    const nodes = await arena.start(3)
    arena.watch()
    await arena.write(2, 8)
    for (const node of nodes) node.load(4)
    for (let round = 0; round < form(7, 300); round++) {
      await Bun.sleep(random.below(600))
      await random.pick(nodes).kill()
    }
    await arena.ready()
    expect(await arena.settle()).toEqual([])
    expect(arena.checker.looks).toBeGreaterThan(LOOKS_MIN)
    expect(arena.checker.log.length).toBeGreaterThan(EVENTS_MIN)
  })
})

describe('the race of nodes that are killed', () => {
  race('shows the planted bug: rows in one transaction, their checkpoint in the next', async random => {
    await using arena = new Arena(await onSqlite(), random, { plant: 'rows first' })
    const [node] = await arena.start(1)
    arena.watch()
    node!.load(8)
    for (let round = 0; round < 2; round++) {
      await Bun.sleep(300 + random.below(300))
      await node!.kill()
      await arena.ready()
    }
    expect((await arena.settle()).some(sentence => sentence.includes('and the log gives'))).toBeTrue()
  })
})

describe('a PostgreSQL that is killed at any moment', () => {
  race('leaves rows that are the fold of the log, and effects at least once', async random => {
    await using server = await startPostgres()
    await using arena = new Arena(await onPostgres(server), random)
    const nodes = await arena.start(2)
    arena.watch()
    await arena.write(2, 8)
    for (const node of nodes) node.load(4)
    for (let round = 0; round < form(3, 100); round++) {
      await Bun.sleep(500 + random.below(1_500))
      await server.kill('SIGKILL')
      await server.restart()
    }
    expect(await arena.settle()).toEqual([])
    expect(arena.checker.looks).toBeGreaterThan(LOOKS_MIN)
    expect(arena.checker.log.length).toBeGreaterThan(EVENTS_MIN)
  })
})
