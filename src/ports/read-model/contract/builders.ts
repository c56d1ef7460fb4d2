// What the cases of a read model are built of, and what they do to it.
import { expect } from 'bun:test'
import { compareText } from '../compare-text.ts'
import type { Lease } from '../leases.ts'
import type { NewPage, NewRow } from '../progress.ts'
import type { ReadModel } from '../read-model.ts'
import type { ListOptions, StoredRow } from '../rows.ts'
import type { Table } from '../tables.ts'

export const TTL_MS = 10_000

export const CALLERS = 16

export const orders: Table = {
  name: 'orders_v1',
  indexes: [
    { field: 'status', kind: 'text' },
    { field: 'total', kind: 'number' },
  ],
}

export const plain: Table = { name: 'plain_v1', indexes: [] }

export const everything: ListOptions = { where: [], sort: [], after: null, limit: 1_000 }

export function row(key: string, position: number): NewRow {
  return { key, position, data: `{"key":${JSON.stringify(key)}}`, fields: ['new', position] }
}

export function storedRow(key: string, position: number): StoredRow {
  return { key, position, data: row(key, position).data!, parked: null }
}

export function page(changed: Partial<NewPage> & Pick<NewPage, 'epoch'>): NewPage {
  return { name: 'orders_v1', from: 0, to: 10, ttlMs: TTL_MS, rows: [], park: [], unpark: [], ...changed }
}

export function buildParked(key: string, position = 5): NewPage['park'][number] {
  return { kind: 'key', key, position, cause: 'TypeError' }
}

export async function acquireLease(readModel: ReadModel, name: string, owner = 'a', start = 0): Promise<Lease> {
  const lease = await readModel.acquire(name, { owner, ttlMs: TTL_MS, start })
  if (!lease) throw new Error(`expected ${owner} to get the lease of ${name}`)
  return lease
}

export async function commitPage(readModel: ReadModel, page: NewPage): Promise<void> {
  expect(await readModel.commit(page), `the page of ${page.name} to ${page.to}`).toBeTrue()
}

export function failureOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => null,
    (error: unknown) => error,
  )
}

export function sortByKey(rows: readonly StoredRow[]): readonly StoredRow[] {
  return rows.toSorted((one, other) => compareText(one.key, other.key))
}
