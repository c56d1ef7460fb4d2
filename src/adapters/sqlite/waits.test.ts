import { expect, test } from 'bun:test'
import { compareLocks, type FileLocks, HELD_MS, locksOf } from './waits.ts'

const LOCKS = `1: POSIX  ADVISORY  WRITE 7 fe:00:402116 0 EOF
2: POSIX  ADVISORY  WRITE 31046 fe:00:2277610 120 120
2: -> POSIX  ADVISORY  WRITE 4 fe:00:2277610 120 120
3: POSIX  ADVISORY  READ 31047 fe:00:2277610 124 124
4: POSIX  ADVISORY  READ 31046 fe:00:2277610 128 128
5: FLOCK  ADVISORY  WRITE 9 fe:00:2277610 0 EOF
6: POSIX  ADVISORY  WRITE 8 fe:00:2277611 120 120
`

test('of the locks of the system those of one file are found, to write and to read, and no others', () => {
  expect(locksOf(LOCKS, 2_277_610)).toEqual({ writer: 31_046, readers: [31_047] })
  expect(locksOf(LOCKS, 2_277_611)).toEqual({ writer: 8, readers: [] })
  expect(locksOf(LOCKS, 1)).toEqual({ writer: null, readers: [] })
})

const look = (own: Partial<FileLocks> = {}): FileLocks => ({ writer: 12, readers: [], walBytes: 4_096, writtenAt: 1, ...own })

test('a writer is named that has the lock in both looks, while nothing was written in between', () => {
  expect(compareLocks(look(), look(), 'sqlite3 log.db').sessions).toMatchObject([
    { pid: 12, application: 'process: sqlite3 log.db', isOurs: false, holdsLog: true, stateMs: HELD_MS },
  ])
  expect(compareLocks(look(), look({ writtenAt: 2 }), '').sessions).toEqual([])
  expect(compareLocks(look(), look({ writer: 13 }), '').sessions).toEqual([])
  expect(compareLocks(look({ writer: null }), look({ writer: null }), '').sessions).toEqual([])
  expect(compareLocks(look({ writer: process.pid }), look({ writer: process.pid }), '').sessions).toMatchObject([
    { isOurs: true },
  ])
})

test('a large write-ahead log is named with those who read it in both looks, and a small one is not', () => {
  const large = { readers: [5, 6], walBytes: 67_108_864 }
  expect(compareLocks(look(large), look({ ...large, readers: [6, 7] }), '').wal).toEqual({ bytes: 67_108_864, readers: [6] })
  expect(compareLocks(look(large), look({ ...large, readers: [7] }), '').wal).toBeNull()
  expect(compareLocks(look(large), look({ ...large, walBytes: 67_108_863 }), '').wal).toBeNull()
})
