// Checks a file with what SQLite has for it.
import { Database } from 'bun:sqlite'
import type { Diagnosis } from '../../ports/store/diagnosis.ts'

const PROBLEMS_MAX = 5

/** Checks each page and index of a file, beside a server. The function never throws. */
export function checkSqliteIntegrity(file: string): readonly Diagnosis[] {
  return [
    checked(file, 'integrity_check', db =>
      db
        .query<{ integrity_check: string }, []>(`pragma integrity_check(${PROBLEMS_MAX})`)
        .all()
        .map(row => row.integrity_check),
    ),
    checked(file, 'foreign_key_check', db =>
      db
        .query<{ table: string; rowid: number }, []>('pragma foreign_key_check')
        .all()
        .map(row => `${row.table}, row ${row.rowid}`),
    ),
  ]
}

function checked(file: string, name: string, run: (db: Database) => readonly string[]): Diagnosis {
  const fix = 'restore from a backup; find out why: a disk, or a copy that was made while the file was served'
  try {
    using db = new Database(file, { readwrite: true, strict: true })
    const wrong = run(db).filter(text => text !== 'ok')
    if (wrong.length === 0) return { name, status: 'ok', found: 'nothing is wrong' }
    return { name, status: 'problem', found: wrong.slice(0, PROBLEMS_MAX).join('; '), fix }
  } catch (error) {
    return { name, status: 'problem', found: String(error), fix }
  }
}
