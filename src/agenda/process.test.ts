// Processes over a runtime, on memory; process.long.test.ts has the turns of SQLite and PostgreSQL.
import { expect, test } from 'bun:test'
import { memory } from '../ports/store/memory.ts'
import { runtime } from '../runtime.ts'
import { fulfilment, order, purse } from '../test-support/fulfilment.ts'
import { movableNow } from '../test-support/movable-now.ts'
import { testProcesses } from './process.cases.ts'

testProcesses('memory', async () => {
  const { now, advance } = movableNow()
  const store = memory({ now })
  return { store: () => store, advance }
})

test('a process whose deciders are not served is refused', async () => {
  await expect(runtime({ serve: [order, purse, fulfilment] })).rejects.toThrow(
    'the process fulfilment sends to shelf, which is not served',
  )
})
