// Processes over a runtime, on memory and SQLite; process.long.test.ts has PostgreSQL's turn.
import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sqlite } from '../adapters/sqlite/store.ts'
import { memory } from '../ports/store/memory.ts'
import { runtime } from '../runtime.ts'
import { fulfilment, order, purse } from '../test-support/fulfilment.ts'
import { testProcesses } from './process.cases.ts'

const folder = mkdtempSync(join(tmpdir(), 'emaki-process-'))
afterAll(() => rmSync(folder, { recursive: true }))
let files = 0

/** A clock that is put ahead. */
function movableNow() {
  let skipped = 0
  return {
    now: () => Date.now() + skipped,
    advance: async (ms: number) => {
      skipped += ms
    },
  }
}

testProcesses('memory', async () => {
  const { now, advance } = movableNow()
  const store = memory({ now })
  return { store: () => store, advance }
})

testProcesses('SQLite', async () => {
  const { now, advance } = movableNow()
  const file = join(folder, `${files++}.db`)
  return { store: () => sqlite(file, { now }), advance }
})

test('a process whose deciders are not served is refused', async () => {
  await expect(runtime({ serve: [order, purse, fulfilment] })).rejects.toThrow(
    'the process fulfilment sends to shelf, which is not served',
  )
})
