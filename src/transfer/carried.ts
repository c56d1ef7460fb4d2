// What moves with a log, besides its events: how far processes, processors and relays have come, what they have parked,
// what is to be sent, and the idempotency keys that still live. In an export for a move it stands before the events, a
// record on each line.
import type { AgendaEntry } from '../ports/agenda/agenda.ts'
import type { Parked } from '../ports/read-model/parked.ts'
import type { Progress } from '../ports/read-model/progress.ts'
import { StoreError } from '../ports/store/errors.ts'
import type { Store } from '../ports/store/store.ts'
import type { KeptKey } from '../ports/store/unit.ts'
import { BadFile } from './csv.ts'
import { linesOf } from './lines.ts'

/** The form of these records. A release refuses another one. */
const FORM = 1
const KEYS_PAGE = 1_000
const OWNER = 'import'
/** Tables of sql projections are filled again, too. */
const SQL_PREFIX = 'sql_'
const LEASE_MS = 60_000
/** The checkpoint of the move itself: 0 once it has begun, 1 once all is carried over. */
const MOVE = 'import:move'

export type MoveHeader = { readonly form: number; readonly log: string; readonly head: number }
type CarriedRecord =
  | { readonly move: MoveHeader }
  | { readonly checkpoint: Pick<Progress, 'name' | 'position'> }
  | { readonly parked: Pick<Parked, 'name' | 'kind' | 'key' | 'position' | 'cause'> }
  | { readonly entry: AgendaEntry }
  | { readonly key: KeptKey }

/** Gives the lines of what moves with a log, a page at a time. The first line is the header. */
export async function* carriedLines(store: Store): AsyncGenerator<string> {
  const { readModel, agenda } = store
  const tables = new Set(await readModel.tables())
  // Rows are folded again from the log, and with them the states of processes.
  const acting = (await readModel.progress()).filter(
    ({ name }) => !tables.has(name) && !name.startsWith(SQL_PREFIX) && name !== MOVE,
  )
  const names = new Set(acting.map(({ name }) => name))
  const pending = (await agenda.count()).reduce((sum, one) => sum + one.pending, 0)
  const first: readonly CarriedRecord[] = [
    { move: { form: FORM, log: store.identity.id, head: await store.head() } },
    ...acting.map(({ name, position }) => ({ checkpoint: { name, position } })),
    ...(await readModel.parked())
      .filter(({ name }) => names.has(name))
      .map(({ name, kind, key, position, cause }) => ({ parked: { name, kind, key, position, cause } })),
    ...(pending ? await agenda.list({ limit: pending }) : []).map(entry => ({ entry })),
  ]
  yield textOf(first)
  for (let after = ''; ; ) {
    const page = await store.keys({ after, limit: KEYS_PAGE })
    if (page.length === 0) return
    yield textOf(page.map(key => ({ key })))
    after = page.at(-1)!.key
  }
}

function textOf(records: readonly CarriedRecord[]): string {
  return records.map(record => `${JSON.stringify(record)}\n`).join('')
}

/** Reads the header of a file; null: it is no export for a move. Throws BadFile for another form. */
export async function readMoveHeader(file: string): Promise<MoveHeader | null> {
  for await (const page of linesOf(file)) {
    const [first] = page
    if (first?.problem !== undefined || !first?.record.startsWith('{"move":')) return null
    const { move } = JSON.parse(first.record) as { readonly move: MoveHeader }
    if (move.form === FORM) return move
    throw new BadFile(`it moves a log in the form ${move.form}, and this release knows ${FORM} only`)
  }
  return null
}

/** Whether a line is one of what moves with a log, and not an event. */
export function isCarriedLine(line: string): boolean {
  return /^\{"(move|checkpoint|parked|entry|key)":\{/.test(line)
}

async function* readCarried(file: string): AsyncGenerator<CarriedRecord> {
  for await (const page of linesOf(file))
    for (const line of page) {
      if (line.problem !== undefined || !isCarriedLine(line.record)) return
      yield JSON.parse(line.record) as CarriedRecord
    }
}

/**
 * Begins a move, before its events come: writes how far everybody has come. A log that is not whole yet is not served
 * then, as its checkpoints are past its head. False: this log was moved before. Throws a StoreError if the log has
 * events of its own.
 */
export async function beginMove(store: Store, file: string): Promise<boolean> {
  const { readModel } = store
  const [state] = await readModel.progress([MOVE])
  if (state?.position === 1) return false
  if (!state && (await store.head()) > 0)
    throw new StoreError(
      'refused',
      'the file moves a log with its checkpoints, its agenda and its keys, and this log has events already; move into an empty database, or import its events alone, as history, with --events-only',
    )
  if (!state) await readModel.reset(MOVE, 0)
  const parked = new Map<string, Pick<Parked, 'kind' | 'key' | 'position' | 'cause'>[]>()
  const checkpoints: Pick<Progress, 'name' | 'position'>[] = []
  for await (const record of readCarried(file)) {
    if ('checkpoint' in record) checkpoints.push(record.checkpoint)
    if ('parked' in record) parked.set(record.parked.name, [...(parked.get(record.parked.name) ?? []), record.parked])
  }
  for (const checkpoint of checkpoints) await carryCheckpoint(store, checkpoint, parked.get(checkpoint.name) ?? [])
  return true
}

/** Moves a subscription to its position, with its parked keys, unless it is there already. */
async function carryCheckpoint(
  { readModel }: Store,
  { name, position }: Pick<Progress, 'name' | 'position'>,
  parked: readonly Pick<Parked, 'kind' | 'key' | 'position' | 'cause'>[],
): Promise<void> {
  const [found] = await readModel.progress([name])
  if (found && found.position >= position) return
  await readModel.reset(name, 0)
  const lease = await readModel.acquire(name, { owner: OWNER, ttlMs: LEASE_MS, start: 0 })
  if (!lease) throw new StoreError('unavailable', `a process has the lease of ${name}: stop it until the log has moved`)
  const park = parked.map(({ kind, key, position: at, cause }) => ({ kind, key, position: at, cause }))
  const page = { name, epoch: lease.epoch, from: 0, to: position, ttlMs: LEASE_MS, rows: [], park, unpark: [] }
  if (!(await readModel.commit(page))) throw new StoreError('unavailable', `the checkpoint of ${name} was moved meanwhile`)
  await readModel.release(name, lease.epoch)
}

/** Ends a move, once all events are there: writes the keys that still live, and what is to be sent. */
export async function endMove(store: Store, file: string, { head }: MoveHeader, now: number): Promise<void> {
  const found = await store.head()
  if (found !== head)
    throw new StoreError(
      'refused',
      `the log ended at ${head} where it was exported, and ends at ${found} here: somebody has appended, or positions are missing; what was done cannot be carried over, so use another empty database, and --events-only`,
    )
  for await (const record of readCarried(file)) if ('key' in record) await carryKey(store, record.key, now)
  for await (const record of readCarried(file))
    if ('entry' in record) {
      const { id, owner, key, timer, command, meta, due, set } = record.entry
      await store.agenda.schedule({ id, owner, key, timer, command, meta, due: Date.parse(due), set })
    }
  await store.readModel.reset(MOVE, 1)
}

async function carryKey(store: Store, { until, ...key }: KeptKey, now: number): Promise<void> {
  const keepMs = until === null ? null : until - now
  if (keepMs !== null && keepMs <= 0) return
  await store.append([{ slices: [{ stream: key.stream, expect: 'any', events: [] }], keys: [{ ...key, keepMs }] }])
}
