// W2 for `emaki compare`: 256 callers, each appending to new streams, on the PostgreSQL that with-postgres.ts started.
import { runtime } from 'emaki'
import { postgres } from 'emaki/postgres'
import { testSchema } from '../../src/test-support/schema.ts'
import { closedLoop } from '../measure/closed-loop.ts'
import { order } from '../order.ts'
import { appending } from '../systems/emaki.ts'

const SLICE_MS = 100

const { url, schema, drop } = await testSchema()
const emaki = await runtime({ serve: [order], store: postgres(url, { schema }) })
const { act } = appending(emaki, 1)

export default async () => {
  const { value } = await closedLoop({ act, callers: 256, events: 1, postmaster: null }, SLICE_MS)
  return { perSecond: value }
}

export async function close(): Promise<void> {
  await emaki.close()
  await drop()
}
