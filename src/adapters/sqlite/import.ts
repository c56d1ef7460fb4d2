// Bulk import into a SQLite file: one transaction moves a chunk and stores the progress.
import type { Database } from 'bun:sqlite'
import { StoreError } from '../../ports/store/errors.ts'
import { checkFingerprint, type ImportProgress, type NewRecord, oldStreamError } from '../../ports/store/import.ts'

type StoredImport = ImportProgress & { readonly fingerprint: string; readonly began: number }

/** The steps of an import. Each is a transaction of its own, and throws if another process is writing. */
export type SqliteImport = {
  readonly begin: (name: string, what: { readonly fingerprint: string; readonly total: number }) => ImportProgress
  readonly findOld: (name: string, records: readonly NewRecord[]) => string | null
  readonly move: (name: string, chunk: readonly NewRecord[], at: ImportProgress, onlyNew: boolean) => ImportProgress
}

/** Prepares the statements of imports; `dispose` frees them. */
export function syncImport(db: Database, now: () => number): SqliteImport & Disposable {
  const find = db.prepare<StoredImport, [string]>('select fingerprint, total, moved, position, began from imports where name = ?')
  const add = db.prepare<unknown, [string, string, number]>(
    'insert into imports (name, fingerprint, total, began) values (?, ?, ?, (select coalesce(max(position), 0) from events))',
  )
  const save = db.prepare<unknown, [number, number, string]>('update imports set moved = ?, position = ? where name = ?')
  const top = db.prepare<{ position: number; at: number }, []>('select position, at from events order by position desc limit 1')
  const last = db.prepare<{ version: number }, [string]>(
    'select version from events where stream = ? order by version desc limit 1',
  )
  const first = db.prepare<{ position: number }, [string]>('select position from events where stream = ? and version = 1')
  const insert = db.prepare<unknown, (string | number)[]>(
    'insert into events (position, stream, version, id, type, schema, data, meta, at) values (?, ?, ?, ?, ?, ?, ?, ?, ?)',
  )

  const begin: SqliteImport['begin'] = (name, { fingerprint, total }) => {
    const found = find.get(name)
    if (found) return checkFingerprint(name, found, fingerprint)
    add.run(name, fingerprint, total)
    return { moved: 0, total, position: 0 }
  }

  const oldStream = (began: number, records: readonly NewRecord[]) =>
    records.find(({ stream }) => (first.get(stream)?.position ?? Number.POSITIVE_INFINITY) <= began)?.stream ?? null
  const findOld: SqliteImport['findOld'] = (name, records) =>
    oldStream(find.get(name)?.began ?? top.get()?.position ?? 0, records)

  const move: SqliteImport['move'] = (name, chunk, at, onlyNew) => {
    const found = find.get(name)
    if (found?.moved !== at.moved) throw new StoreError('refused', `the import ${name} is being moved by another process`)
    const old = onlyNew ? oldStream(found.began, chunk) : null
    if (old !== null) throw oldStreamError(old)
    const head = top.get()
    const time = Math.max(now(), head?.at ?? 0)
    const versions = new Map<string, number>()
    let position = head?.position ?? 0
    for (const { stream, id, type, schema, data, meta } of chunk) {
      const version = (versions.get(stream) ?? last.get(stream)?.version ?? 0) + 1
      versions.set(stream, version)
      insert.run(++position, stream, version, id, type, schema, data, meta, time)
    }
    const moved = found.moved + chunk.length
    save.run(moved, position, name)
    return { moved, total: found.total, position }
  }

  const statements = [find, add, save, top, last, first, insert]
  return {
    begin: db.transaction(begin).immediate,
    findOld: db.transaction(findOld).deferred,
    move: db.transaction(move).immediate,
    [Symbol.dispose]: () => {
      for (const statement of statements) statement.finalize()
    },
  }
}
