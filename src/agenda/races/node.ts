// What a node's process runs: a process over PostgreSQL. See ../../subscription/races/life.ts.
import { postgres } from '../../adapters/postgres/store.ts'
import { job, live } from '../../subscription/races/life.ts'
import { asking, served } from './domain.ts'

const INSTANCES = 12

if (job.database.kind !== 'postgres') throw new Error('these nodes are several, on PostgreSQL')
const { url, schema, deadlineMs } = job.database
await live({
  store: postgres(url, { schema, migrate: false, pooler: false, deadlineMs, lockTimeoutMs: deadlineMs / 2 }),
  serve: served,
  command: (choices, token) => asking.ask(`a${choices.below(INSTANCES)}`, { token }),
})
