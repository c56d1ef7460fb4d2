import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { DatabaseSession, Waits } from '../ports/store/waits.ts'
import { CHAIN_MAX, explainLog, type LogFacts } from './explain-log.ts'
import type { Stall } from './stall.ts'

const NOW = Date.parse('2026-01-31T12:00:00.000Z')

const session = (pid: number, own: Partial<DatabaseSession> = {}): DatabaseSession => ({
  ...{ pid, application: `app ${pid}`, isOurs: false, state: 'active', waitsFor: null, query: 'select 1' },
  ...{ stateMs: 1_700, waitMs: null, holdsLog: false, waitsForLog: false, blockedBy: [] },
  ...own,
})
const waiter = (pid: number, blockedBy: number, waitMs = 1_400): DatabaseSession =>
  session(pid, {
    application: `emaki web:${pid} writer`,
    isOurs: true,
    waitsFor: 'Lock:advisory',
    waitMs,
    waitsForLog: true,
    blockedBy: [blockedBy],
  })
const holder = (own: Partial<DatabaseSession> = {}): DatabaseSession =>
  session(1, { application: 'psql', holdsLog: true, ...own })

const explain = (
  sessions: readonly DatabaseSession[],
  own: Partial<Waits> = {},
  facts: Partial<LogFacts> = {},
): readonly Stall[] =>
  explainLog({ now: NOW, waits: { sessions, grant: null, wal: null, ...own }, pools: [], failure: null, ...facts })

describe('the lock of the log', () => {
  test('a lock that a session of ours holds is named with its pid, its time, and who waits', () => {
    expect(explain([holder({ application: 'emaki web:7 writer', isOurs: true }), waiter(2, 1), waiter(3, 1, 300)])).toEqual([
      {
        cause: 'lock-own',
        subject: 'log',
        sentence:
          'Appends stand still at the lock of the log: emaki web:7 writer (pid 1, active for 1.7 s), a process of an Emaki app, has it; 2 appends wait for 1.4 s.',
        since: '2026-01-31T11:59:58.600Z',
        mend: 'It ends by itself within its statement_timeout. Else end the session: select pg_terminate_backend(1)',
        chain: [expect.objectContaining({ pid: 1 }), expect.objectContaining({ pid: 2 }), expect.objectContaining({ pid: 3 })],
      },
    ])
  })

  test('a lock that a foreigner holds is told from one of ours, and ended by its pid', () => {
    const [found] = explain([holder(), waiter(2, 1)])
    expect(found).toMatchObject({ cause: 'lock-foreign', mend: 'End the session: select pg_terminate_backend(1)' })
    expect(found!.sentence).toContain('psql (pid 1, active for 1.7 s) has it, and is no process of an Emaki app')
  })

  test('a holder that itself waits is followed to the session that waits for nobody, which is to be ended', () => {
    const root = session(9, { application: 'reporting pg_dump', state: 'idle in transaction' })
    const [found] = explain([holder({ blockedBy: [8] }), session(8, { blockedBy: [9] }), root, waiter(2, 1)])
    expect(found).toMatchObject({ cause: 'lock-chain', mend: 'End the session: select pg_terminate_backend(9)' })
    expect(found!.sentence).toBe(
      'Appends stand still at the lock of the log: reporting pg_dump (pid 9, idle in transaction for 1.7 s) is what all others wait for, and blocks app 8 (pid 8, active for 1.7 s), which blocks psql (pid 1, active for 1.7 s), which holds it; 1 append waits for 1.4 s.',
    )
    expect(found!.chain.map(({ pid }) => pid)).toEqual([9, 8, 1, 2])
  })

  test.each([
    ['is idle in a transaction', { state: 'idle in transaction', waitsFor: 'Client:ClientRead' }, 'lock-idle'],
    ['does not read its answer', { waitsFor: 'Client:ClientWrite' }, 'lock-unread'],
    ['waits for a standby', { waitsFor: 'IPC:SyncRep', isOurs: true }, 'standby'],
    ['waits for the disk', { waitsFor: 'IO:WALSync', isOurs: true }, 'disk'],
    ['waits for the write-ahead log', { waitsFor: 'LWLock:WALWrite', isOurs: true }, 'disk'],
  ] as const)('a holder that %s is told from the others', (_, own, cause) => {
    expect(explain([holder(own), waiter(2, 1)])).toMatchObject([{ cause }])
    // Nobody else need wait for it.
    expect(explain([holder(own)])).toMatchObject([{ cause }])
  })

  test('waits that are over soon are no stall', () => {
    expect(explain([holder(), waiter(2, 1, 249)])).toEqual([])
    expect(explain([holder({ stateMs: 249 })])).toEqual([])
    expect(explain([holder(), waiter(2, 1, 250)])).toHaveLength(1)
  })

  test('a holder whose state is hidden is named all the same, with the grant that shows it', () => {
    const grant = 'grant pg_read_all_stats to "app"'
    const [found] = explain([holder({ state: null, stateMs: null, query: null, waitsFor: null }), waiter(2, 1)], { grant })
    expect(found!.sentence).toContain('psql (pid 1, its state is hidden) has it')
    expect(found!.mend).toEndWith(` To see what sessions of others do: ${grant}`)
    expect(explain([holder(), waiter(2, 1)], { grant })[0]!.mend).not.toContain('grant')
  })

  test('a prepared transaction that has the lock is named, as it has no session', () => {
    const [found] = explain([session(0, { state: null, stateMs: null }), waiter(2, 0)])
    expect(found).toMatchObject({ cause: 'lock-foreign', mend: expect.stringContaining('rollback prepared') })
  })

  test('a statement of ours that waits elsewhere than at the log is explained by what it waits for', () => {
    const rows = session(2, {
      application: 'emaki web:7 rows',
      isOurs: true,
      waitsFor: 'Lock:relation',
      waitMs: 900,
      blockedBy: [5],
    })
    const [found] = explain([rows, session(5, { application: 'psql', state: 'idle in transaction' })])
    expect(found).toMatchObject({ cause: 'lock-idle', since: '2026-01-31T11:59:59.100Z' })
    expect(found!.sentence).toContain('waits for 900 ms: psql (pid 5, idle in transaction for 1.7 s) holds what it needs')
  })
})

describe('what else appends wait for', () => {
  test('a pool with no free connection is named, unless it is known what its users wait for', () => {
    const pools = [{ role: 'reader', max: 4, waiting: 3, waitMs: 800 }]
    expect(explain([], {}, { pools })).toMatchObject([
      { cause: 'pool', sentence: 'All 4 connections of the pool reader are taken, and 3 wait, the first for 800 ms.' },
    ])
    expect(explain([holder(), waiter(2, 1)], {}, { pools })).toMatchObject([{ cause: 'lock-foreign' }])
  })

  test('a full disk is told from a store that cannot be reached', () => {
    const failing = (isFull: boolean) => explain([], {}, { failure: { message: 'no luck', isFull } })
    expect(failing(true)).toMatchObject([{ cause: 'disk', mend: expect.stringContaining('Make room') }])
    expect(failing(false)).toMatchObject([{ cause: 'store', sentence: 'The store takes no statements: no luck' }])
  })

  test('a write-ahead log that readers hold is named with the processes that read', () => {
    expect(explain([], { wal: { bytes: 67_108_864, readers: [12, 13] } })).toMatchObject([
      { cause: 'wal', sentence: expect.stringContaining('64 MiB'), mend: 'End the read, or the process: kill 12 13' },
    ])
  })
})

test('whoever blocks whom, also in circles, an explanation ends with who waits for nobody, or with nobody else left', () => {
  const pids = fc.integer({ min: 1, max: 9 })
  const sessions = fc.uniqueArray(
    fc.record({
      pid: pids,
      blockedBy: fc.uniqueArray(pids, { maxLength: 3 }),
      waitsForLog: fc.boolean(),
      holdsLog: fc.boolean(),
    }),
    { selector: ({ pid }) => pid },
  )
  fc.assert(
    fc.property(sessions, all => {
      const found = explain(all.map(({ pid, ...own }) => session(pid, { ...own, waitMs: own.blockedBy.length ? 500 : null })))
      for (const { chain, sentence, mend } of found) {
        expect(chain.length).toBeLessThanOrEqual(CHAIN_MAX)
        expect(new Set(chain).size).toBe(chain.length)
        const [root] = chain
        const others = chain.map(({ pid }) => pid)
        // Whom the first one waits for is in the chain as well, so it is a circle.
        const known = all.map(({ pid }) => pid).filter(pid => root!.blockedBy.includes(pid))
        expect(known.length === 0 || known.some(pid => others.includes(pid))).toBeTrue()
        expect(sentence).toContain(`pid ${root!.pid}`)
        // It names each session once, and its first one at most twice.
        expect(sentence.match(/\(pid /g)!.length).toBeLessThanOrEqual(all.length + 1)
        expect(mend).not.toBeEmpty()
      }
    }),
  )
})
