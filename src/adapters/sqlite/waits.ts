// Which process has the write lock of a file, and which one reads an old state of it, as Linux lists its locks. Nothing
// here opens the file: closing it again would take away the locks that SQLite has in this process.
import { readFile, stat } from 'node:fs/promises'
import { slept } from '../../ports/store/poll.ts'
import type { DatabaseSession, Waits } from '../../ports/store/waits.ts'

/** The bytes of the `-shm` file that SQLite locks: one to write, and five to read. */
const WRITE_BYTE = 120
const READ_BYTES = [123, 127] as const
/** A lock that is there before and after this time, in ms, while nothing was written, is held for long. */
export const HELD_MS = 300
/** A write-ahead log that is this large was not copied back for long, in bytes. */
const WAL_BYTES_MAX = 67_108_864
const COMMAND_CHARACTERS_MAX = 200

/** What the system says of one file at one moment. */
export type FileLocks = {
  readonly writer: number | null
  readonly readers: readonly number[]
  readonly walBytes: number
  readonly writtenAt: number
}

export async function readSqliteWaits(file: string): Promise<Waits> {
  const before = await readLocks(file)
  await slept(HELD_MS, new AbortController().signal)
  const after = await readLocks(file)
  return before && after ? compareLocks(before, after, await commandOf(before.writer)) : { sessions: [], grant: null, wal: null }
}

/** Finds what has not changed between two looks. `command`: the command line of the writer. */
export function compareLocks(before: FileLocks, after: FileLocks, command: string): Waits {
  const isHeld = before.writer !== null && before.writer === after.writer && before.writtenAt === after.writtenAt
  const readers = before.readers.filter(pid => after.readers.includes(pid))
  const isPinned = readers.length > 0 && after.walBytes >= WAL_BYTES_MAX
  return {
    sessions: isHeld ? [writerSession(before.writer, command)] : [],
    grant: null,
    wal: isPinned ? { bytes: after.walBytes, readers } : null,
  }
}

function writerSession(pid: number, command: string): DatabaseSession {
  return {
    ...{ pid, application: `process: ${command}`, isOurs: pid === process.pid, state: 'active', waitsFor: null, query: null },
    ...{ stateMs: HELD_MS, waitMs: null, holdsLog: true, waitsForLog: false, blockedBy: [] },
  }
}

/** Null: the system does not say it. */
async function readLocks(file: string): Promise<FileLocks | null> {
  try {
    const [{ ino }, wal, locks] = await Promise.all([stat(`${file}-shm`), stat(`${file}-wal`), readFile('/proc/locks', 'utf8')])
    return { ...locksOf(locks, ino), walBytes: wal.size, writtenAt: wal.mtimeMs }
  } catch {
    return null
  }
}

/** Reads lines as `3: POSIX  ADVISORY  WRITE 31046 fe:00:2277610 120 120`. Those that wait have an arrow. */
export function locksOf(text: string, inode: number): Pick<FileLocks, 'writer' | 'readers'> {
  const pattern = /^\d+: POSIX +\w+ +(READ|WRITE) (\d+) [0-9a-f]+:[0-9a-f]+:(\d+) (\d+) (\d+)$/gm
  const held = [...text.matchAll(pattern)]
    .map(([, kind, pid, of, first, last]) => ({
      kind,
      pid: Number(pid),
      of: Number(of),
      first: Number(first),
      last: Number(last),
    }))
    .filter(({ of }) => of === inode)
  const writer = held.find(({ kind, first, last }) => kind === 'WRITE' && first <= WRITE_BYTE && last >= WRITE_BYTE)
  const readers = held.filter(({ first, last }) => first <= READ_BYTES[1] && last >= READ_BYTES[0])
  return { writer: writer?.pid ?? null, readers: [...new Set(readers.map(({ pid }) => pid))] }
}

async function commandOf(pid: number | null): Promise<string> {
  if (pid === null) return ''
  const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  return text.replaceAll('\0', ' ').trim().slice(0, COMMAND_CHARACTERS_MAX) || 'its command line is hidden'
}
