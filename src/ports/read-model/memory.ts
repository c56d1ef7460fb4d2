// A read model in memory: the shortest description of the promises of every read model.
import { memoryAgenda, type MemoryAgenda } from '../agenda/memory.ts'
import { checkList, checkPageInTurns, checkSame, checkTable } from './check.ts'
import { compareText } from './compare-text.ts'
import { compareValues, meets } from './filter.ts'
import { type Lease, PAUSE_MS, PAUSED_OWNER, type Suspect } from './leases.ts'
import { isKeyDescending } from './listing.ts'
import type { Parked } from './parked.ts'
import type { NewPage, NewRow, Progress } from './progress.ts'
import type { ReadModel } from './read-model.ts'
import type { ListOptions, SortField, StoredRow } from './rows.ts'
import { tallyRows } from './tally.ts'
import type { Table, Value } from './tables.ts'
import type { UnitRow } from '../store/unit.ts'

type Checkpoint = Omit<Progress, 'name'>
type LeaseState = {
  /** Null: the lease was given back. */
  readonly owner: string | null
  readonly epoch: number
  readonly until: number
  /** The checkpoint when the lease was taken. */
  readonly position: number
  readonly takeovers: number
  readonly suspect: Suspect | null
}
type MemoryRow = NewRow & { readonly data: string }
export type MemoryTable = { readonly table: Table; readonly rows: Map<string, MemoryRow> }

/**
 * Makes a read model in memory. It is gone with the process. `now`: its clock, in ms since 1970. It has no database
 * client, so it refuses `run`.
 */
export function memoryReadModel({
  now,
  agenda = memoryAgenda({ now, renewKeys: () => {} }),
  tables = new Map<string, MemoryTable>(),
}: {
  readonly now: () => number
  readonly agenda?: MemoryAgenda
  readonly tables?: Map<string, MemoryTable>
}): ReadModel {
  const checkpoints = new Map<string, Checkpoint>()
  const leases = new Map<string, LeaseState>()
  const parked = new Map<string, Parked>()
  const served = new Map<string, string>()
  const fingerprints = new Map<string, readonly string[]>()

  const stamp = () => new Date(now()).toISOString()
  const position = (name: string) => checkpoints.get(name)?.position ?? 0
  const stored = (name: string, { key, position, data }: MemoryRow): StoredRow => ({
    key,
    position,
    data,
    parked: parked.get(parkedKey(name, 'key', key))?.position ?? null,
  })

  const found = <T>(name: string, found: T, isOwn = (_: Parked) => true) => ({
    found,
    position: position(name),
    parked: lowest(name, isOwn),
  })

  /** The lowest position at which something of a table is parked. */
  function lowest(name: string, isAsked: (one: Parked) => boolean): number | null {
    const of = [...parked.values()].filter(one => one.name === name && isAsked(one))
    return of.length ? Math.min(...of.map(({ position }) => position)) : null
  }

  function acquire(name: string, { owner, ttlMs, start }: Parameters<ReadModel['acquire']>[1]): Lease | null {
    const last = leases.get(name)
    if (last?.owner && last.owner !== owner && last.until > now()) return null
    const checkpoint = checkpoints.get(name) ?? { position: start, start, epoch: 0, savedAt: stamp() }
    const epoch = Math.max(checkpoint.epoch, last?.epoch ?? 0) + 1
    const takeovers = last?.owner && last.position === checkpoint.position ? last.takeovers + Number(last.owner !== owner) : 0
    const lease = { epoch, position: checkpoint.position, takeovers, suspect: last?.suspect ?? null }
    checkpoints.set(name, { ...checkpoint, epoch })
    leases.set(name, { ...lease, owner, until: now() + ttlMs })
    return { name, ...lease, isTakeover: Boolean(last?.owner) && last?.owner !== owner }
  }

  /** Changes a lease if it still has this epoch and was not given back. */
  function change(name: string, epoch: number, changed: Partial<LeaseState>): boolean {
    const lease = leases.get(name)
    if (!lease?.owner || lease.epoch !== epoch) return false
    leases.set(name, { ...lease, ...changed })
    return true
  }

  function commit(page: NewPage): boolean {
    const { name, epoch, from, to } = page
    const own = tables.get(page.table ?? name)
    if (page.run) throw new TypeError(`${name}: memory has no client to run statements with; use SQLite or PostgreSQL`)
    const checkpoint = checkpoints.get(name)
    if (page.isTrial || checkpoint?.epoch !== epoch || checkpoint.position !== from) return false
    for (const row of page.rows) {
      if (page.keepsNewer && isNewer(own!.rows.get(row.key), row)) continue
      if (isRow(row)) own!.rows.set(row.key, row)
      else own!.rows.delete(row.key)
    }
    for (const { kind, key } of page.unpark) parked.delete(parkedKey(name, kind, key))
    for (const { retrySince, ...one } of page.park) {
      const since = retrySince === undefined ? stamp() : new Date(retrySince).toISOString()
      parked.set(parkedKey(name, one.kind, one.key), {
        reader: null,
        ...one,
        name,
        at: since,
        again: retrySince === undefined ? null : 'whole',
      })
    }
    if (page.agenda) agenda.change(page.agenda)
    checkpoints.set(name, { ...checkpoint, position: to, savedAt: stamp() })
    if (page.pauses) {
      pause(name, to)
      return true
    }
    const suspect = leases.get(name)?.suspect ?? null
    change(name, epoch, { until: now() + page.ttlMs, suspect: suspect && suspect.position > to ? suspect : null })
    return true
  }

  /** Gives the lease to nobody's process, for ever. */
  function pause(name: string, position: number): void {
    const checkpoint = checkpoints.get(name)!
    const epoch = checkpoint.epoch + 1
    checkpoints.set(name, { ...checkpoint, epoch })
    leases.set(name, { owner: PAUSED_OWNER, epoch, until: now() + PAUSE_MS, position, takeovers: 0, suspect: null })
  }

  /** Ends the current lease. No later lease has its epoch. */
  function fence(name: string): number {
    const epoch = Math.max(checkpoints.get(name)?.epoch ?? 0, leases.get(name)?.epoch ?? 0) + 1
    leases.set(name, { owner: null, epoch, until: 0, position: 0, takeovers: 0, suspect: null })
    for (const [key, one] of parked) if (one.name === name) parked.delete(key)
    return epoch
  }

  function matching(
    { name, indexes }: Table,
    { where, skipsParked = false }: Pick<ListOptions, 'where' | 'skipsParked'>,
  ): readonly MemoryRow[] {
    const wanted = where.map(criterion => [indexes.findIndex(({ field }) => field === criterion.field), criterion] as const)
    return [...rowsOf(name).values()].filter(
      ({ key, fields }) =>
        wanted.every(([i, criterion]) => meets(fields[i]!, criterion)) &&
        !(skipsParked && parked.has(parkedKey(name, 'key', key))),
    )
  }

  function rowsOf(name: string): ReadonlyMap<string, MemoryRow> {
    const own = tables.get(name)
    if (!own) throw new TypeError(`the table ${name} was not prepared`)
    return own.rows
  }

  function list(table: Table, options: ListOptions): readonly StoredRow[] {
    const { sort, after, limit } = options
    const indexes = sort.map(({ field }) => table.indexes.findIndex(index => index.field === field))
    const place = ({ key, fields }: MemoryRow) => ({ values: indexes.map(i => fields[i]!), key })
    return matching(table, options)
      .filter(row => !after || comparePlaces(place(row), after, sort) > 0)
      .toSorted((one, other) => comparePlaces(place(one), place(other), sort))
      .slice(0, limit)
      .map(row => stored(table.name, row))
  }

  return {
    prepare: async wanted => {
      for (const table of wanted) {
        checkTable(table)
        const found = tables.get(table.name)
        if (found) checkSame(found.table, table)
        else tables.set(table.name, { table, rows: new Map() })
      }
    },
    drop: async name => {
      fence(name)
      tables.delete(name)
      checkpoints.delete(name)
      for (const [projection, table] of served) if (table === name) served.delete(projection)
    },
    tables: async () => [...tables.keys()].sort(),
    acquire: async (name, options) => acquire(name, options),
    renew: async (name, epoch, ttlMs) => change(name, epoch, { until: now() + ttlMs }),
    release: async (name, epoch) => {
      change(name, epoch, { owner: null, suspect: null })
    },
    leases: async () =>
      [...leases]
        .flatMap(([name, { owner, epoch, until }]) => (owner === null ? [] : [{ name, owner, epoch, leftMs: until - now() }]))
        .toSorted((one, other) => compareText(one.name, other.name)),
    suspect: async (name, epoch, suspect) => change(name, epoch, { suspect }),
    commit: async page => {
      await checkPageInTurns(page, tables.get(page.table ?? page.name)?.table ?? null)
      return commit(page)
    },
    progress: async names =>
      [...checkpoints]
        .map(([name, checkpoint]) => ({ name, ...checkpoint }))
        .filter(({ name }) => !names || names.includes(name))
        .toSorted((one, other) => compareText(one.name, other.name)),
    reset: async (name, position) => {
      checkpoints.set(name, { position, start: checkpoints.get(name)?.start ?? 0, epoch: fence(name), savedAt: stamp() })
      tables.get(name)?.rows.clear()
    },
    rows: async ({ name }, keys) => {
      const rows = rowsOf(name)
      return [...new Set(keys)].flatMap(key => (rows.has(key) ? stored(name, rows.get(key)!) : []))
    },
    get: async ({ name }, key, streams = []) => {
      const row = rowsOf(name).get(key)
      const isOwn = (one: Parked) => (one.kind === 'key' ? one.key === key : streams.includes(one.key))
      return {
        ...found(name, row ? stored(name, row) : null, isOwn),
        parkedStream: lowest(name, one => one.kind === 'stream' && !isOwn(one)),
      }
    },
    list: async (table, options) => {
      checkList(table, options)
      return found(table.name, list(table, options))
    },
    count: async (table, where, options) => {
      checkList(table, { where, sort: [], after: null })
      return found(table.name, matching(table, { where, ...options }).length)
    },
    tally: async (table, options) => ({ groups: tallyRows(table, rowsOf(table.name).values(), options), last: null }),
    parked: async name =>
      [...parked.values()]
        .filter(one => name === undefined || one.name === name)
        .toSorted(
          (one, other) => compareText(one.name, other.name) || one.position - other.position || compareText(one.key, other.key),
        ),
    parkedCounts: async () =>
      [...Map.groupBy(parked.values(), ({ name }) => name)]
        .map(([name, of]) => {
          const staying = of.filter(({ again }) => again === null)
          const keys = staying.filter(({ kind }) => kind === 'key').length
          return { name, keys, streams: staying.length - keys, retrying: of.length - staying.length }
        })
        .toSorted((one, other) => compareText(one.name, other.name)),
    unpark: async (name, key, again = 'whole') => {
      const asked = [...parked].filter(([, one]) => one.name === name && (key === undefined || one.key === key))
      for (const [id, one] of asked) parked.set(id, { ...one, again, at: stamp() })
      return asked.length
    },
    serving: async projection => served.get(projection) ?? null,
    serve: async (projection, name) => {
      const current = served.get(projection)
      if (current !== undefined && position(name) < position(current)) return false
      served.set(projection, name)
      return true
    },
    fingerprints: async name => fingerprints.get(name) ?? [],
    setFingerprints: async (name, found) => void fingerprints.set(name, found),
  }
}

/** Writes a row of a unit, at the position of its event, to each table of its projection's version. */
export function writeUnitRow(
  tables: ReadonlyMap<string, MemoryTable>,
  { table, key, data, fields }: UnitRow,
  position: number,
): void {
  const row = { key, data, fields, position }
  for (const [name, { rows }] of tables)
    if (name.replace(/_g\d+$/, '') === table && !isNewer(rows.get(key), row)) rows.set(key, row)
}

/** Whether a row that is there stays, because a new one is not above it. */
function isNewer(there: MemoryRow | undefined, { data, position }: NewRow): boolean {
  return there !== undefined && (data === null ? there.position > position : there.position >= position)
}

function parkedKey(name: string, kind: Parked['kind'], key: string): string {
  return `${name} ${kind} ${key}`
}

function isRow(row: NewRow): row is MemoryRow {
  return row.data !== null
}

type RowPlace = { readonly values: readonly Value[]; readonly key: string }

function comparePlaces(one: RowPlace, other: RowPlace, sort: readonly SortField[]): number {
  for (const [i, { descending }] of sort.entries()) {
    const order = compareValues(one.values[i]!, other.values[i]!)
    if (order !== 0) return descending ? -order : order
  }
  const order = compareText(one.key, other.key)
  return isKeyDescending(sort) ? -order : order
}
