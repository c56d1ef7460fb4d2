// The port to read models, in parts for their users. Rows cross it as text.
import type { Fingerprints } from './fingerprints.ts'
import type { Leases } from './leases.ts'
import type { ParkedKeys } from './parked.ts'
import type { Checkpoints } from './progress.ts'
import type { ReadRows } from './rows.ts'
import type { Tables } from './tables.ts'

/**
 * A lasting read model, in the same database as the log. Every call may throw a StoreError.
 * Time is that of the database; the memory read model has an injected clock.
 */
export interface ReadModel extends Tables, ReadRows, Leases, Checkpoints, ParkedKeys, Fingerprints {}
