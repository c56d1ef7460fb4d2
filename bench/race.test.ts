// Prints what Emmett's published consumer loses to writers that commit out of order. Emaki's reader, under the same, loses nothing.

import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type PostgresServer, startPostgres } from '../src/test-support/servers/postgres.ts'

const RACE_MS = 5_000

const installed = existsSync(join(import.meta.dir, 'node_modules'))
if (!installed)
  console.log('skipped: the packages of bench/ are not installed; `bun run bench` or `bun install` in bench/ does it')

describe.skipIf(!installed)('a reader at the head, 32 callers appending one to three events to new streams', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await startPostgres()
  })
  afterAll(() => server.stop())

  test('a reader at the head sees each event of Emaki once, while 32 callers append', async () => {
    const { raceEmaki } = await import('./race.ts')
    const { stored, ...wrong } = await raceEmaki({ server }, RACE_MS)
    expect(stored).toBeGreaterThan(0)
    expect(wrong).toEqual({ lost: 0, doubled: 0, reordered: 0 })
  })

  test('a processor sees each event of Emaki once, and those of a stream in order, while 32 callers append', async () => {
    const { raceProcessor } = await import('./race.ts')
    const { stored, ...wrong } = await raceProcessor({ server }, { ms: RACE_MS })
    expect(stored).toBeGreaterThan(0)
    expect(wrong).toEqual({ lost: 0, doubled: 0, reordered: 0 })
  })

  test('a consumer of Emmett 0.42 at the head has its losses printed, and fails no test', async () => {
    const { raceEmmett, raceEmmettPages } = await import('./race.ts')
    for (const [name, run] of [
      ['with a reactor', raceEmmett],
      ['page by page', raceEmmettPages],
    ] as const) {
      const { stored, lost, doubled } = await run({ server }, RACE_MS)
      console.log(`Emmett 0.42, ${name}: of ${stored} events its consumer lost ${lost} and saw ${doubled} more than once`)
      expect(stored).toBeGreaterThan(0)
    }
  })
})
