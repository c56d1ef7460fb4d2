// What the cases of an agenda are built of.
import type { NewEntry } from '../agenda.ts'
import type { TestedAgenda } from './case.ts'

export const OWNER = 'process_p'

export const HOUR = 3_600_000

export const entry = (id: string, changed: Partial<NewEntry> = {}): NewEntry => ({
  ...{ id, owner: OWNER, key: 'k', timer: null, command: '{"decider":"d"}', meta: '{}', due: 0, set: 7 },
  ...changed,
})

export const timer = (id: string, due: number, changed: Partial<NewEntry> = {}) =>
  entry(id, { timer: 't', command: null, due, ...changed })

/** An entry of `entry` as what was sent of it. */
export const sentOf = (id: string, set = 7) => ({ id, set })

export const idsOf = (entries: readonly { readonly id: string }[]) => entries.map(({ id }) => id)

/** Writes a page of the subscription that owns the entries; false: it was refused. */
export async function commitEntries(
  { readModel }: TestedAgenda['store'],
  add: readonly NewEntry[],
  remove: readonly string[] = [],
  stale = false,
) {
  const { epoch, position } = (await readModel.acquire(OWNER, { owner: 'a', ttlMs: 10_000, start: 0 }))!
  const page = { name: OWNER, epoch: stale ? epoch - 1 : epoch, from: position, to: position + 1, ttlMs: 10_000 }
  return readModel.commit({ ...page, rows: [], park: [], unpark: [], agenda: { add, remove } })
}
