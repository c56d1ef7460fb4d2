// The port to read models, in parts by who uses them. Rows cross it as text.
import type { Leases } from './leases.ts'
import type { ParkedKeys } from './parked.ts'
import type { Checkpoints } from './progress.ts'
import type { ReadRows } from './rows.ts'
import type { Tables } from './tables.ts'

/**
 * A lasting read model, in the same database as the log. Every call may throw a StoreError.
 * Time is the database's own; memory's is its injected clock.
 */
export interface ReadModel extends Tables, ReadRows, Leases, Checkpoints, ParkedKeys {}
