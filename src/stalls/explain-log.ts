// Explains from what a database says why appends, or other statements of ours, stand still. Pure.
import { verbCommand } from '../lib/verb-command.ts'
import type { FullPool, DatabaseSession, Waits } from '../ports/store/waits.ts'
import { formatMs, type Stall, type StallCause, timeBefore } from './stall.ts'

/** An append that takes less is no stall, in ms. */
export const APPEND_STALL_MS = 250
/** The most sessions of a chain. */
export const CHAIN_MAX = 20

/** Appends of other processes are noticed late, which stops nobody. */
export const DEAF: Stall = {
  ...{ cause: 'deaf', subject: 'log', since: null, chain: [] },
  sentence: 'Appends of other processes are not heard by LISTEN, and are found by polling, up to 50 ms later.',
  mend: 'Behind a pooler, set DATABASE_DIRECT_URL to lead past it.',
}

export type LogFacts = {
  /** In ms since 1970, by the clock of the database. */
  readonly now: number
  /** Null: the store cannot tell. */
  readonly waits: Waits | null
  readonly pools: readonly FullPool[]
  /** Why the store could not be read. Null: it could. */
  readonly failure: { readonly message: string; readonly isFull: boolean } | null
}

/** Explains what stands still in the database, and in the pools of this process. */
export function explainLog({ now, waits, pools, failure }: LogFacts): readonly Stall[] {
  const found = waits ? explainSessions(waits, now) : []
  return [
    ...found,
    ...(waits?.wal ? [explainWal(waits.wal)] : []),
    // Those who wait for a connection wait for what its users wait for, if that is known.
    ...(found.length ? [] : pools.filter(({ waitMs }) => waitMs >= APPEND_STALL_MS).map(pool => explainPool(pool, now))),
    ...(failure ? [explainFailure(failure)] : []),
  ]
}

function explainSessions({ sessions, grant }: Waits, now: number): readonly Stall[] {
  const waiters = sessions.filter(({ waitsForLog }) => waitsForLog).toSorted((one, other) => waitOf(other) - waitOf(one))
  const holder = sessions.find(({ holdsLog }) => holdsLog) ?? blockerOf(waiters[0], sessions)
  if (holder) {
    const forMs = Math.max(waitOf(waiters[0]), waiters.length ? 0 : stateOf(holder))
    if (forMs >= APPEND_STALL_MS) return [explainLock({ holder, waiters, sessions, forMs, grant }, now)]
  }
  return explainBlocked(sessions, grant, now)
}

type LockFacts = {
  readonly holder: DatabaseSession
  readonly waiters: readonly DatabaseSession[]
  readonly sessions: readonly DatabaseSession[]
  readonly forMs: number
  readonly grant: string | null
}

function explainLock({ holder, waiters, sessions, forMs, grant }: LockFacts, now: number): Stall {
  const path = pathTo(holder, sessions)
  const root = path[0]!
  const cause = causeOf(root, holder)
  const between = path.slice(1).map(describe)
  const blocks = between.length ? `, and blocks ${between.join(', which blocks ')}, which holds it` : ''
  const many = waiters.length
  const behind = many ? `; ${many} ${many === 1 ? 'append waits' : 'appends wait'} for ${formatMs(forMs)}` : ''
  const says = isFileOwner(root.application)
    ? `${describe(root)} has it, and does not end its transaction`
    : SAYS[cause](describe(root))
  const sentence = `Appends stand still at the lock of the log: ${says}${blocks}${behind}.`
  return stallOf({ cause, sentence, root, chain: [...path, ...waiters], grant, since: timeBefore(now, forMs) })
}

/** Statements of ours that wait for a session of somebody else, elsewhere than at the log. */
function explainBlocked(sessions: readonly DatabaseSession[], grant: string | null, now: number): readonly Stall[] {
  const [first] = sessions
    .filter(({ isOurs, blockedBy, waitMs }) => isOurs && blockedBy.length > 0 && (waitMs ?? 0) >= APPEND_STALL_MS)
    .toSorted((one, other) => waitOf(other) - waitOf(one))
  if (!first) return []
  const path = pathTo(first, sessions)
  const root = path[0]!
  const sentence = `${describe(first)} waits for ${formatMs(waitOf(first))}: ${describe(root)} holds what it needs.`
  const cause = causeOf(root, root)
  return [stallOf({ cause, sentence, root, chain: path, grant, since: timeBefore(now, waitOf(first)) })]
}

type Found = Pick<Stall, 'cause' | 'sentence' | 'since' | 'chain'> & {
  readonly root: DatabaseSession
  readonly grant: string | null
}

function stallOf({ cause, sentence, since, chain, root, grant }: Found): Stall {
  const isHidden = grant !== null && chain.some(({ state }) => state === null)
  const rights = isHidden ? ` To see what sessions of others do: ${grant}` : ''
  const mend = `${MENDS[cause]?.(root) ?? terminate(root)}${rights}`
  return { cause, subject: 'log', sentence, since, mend, chain: unique(chain).slice(0, CHAIN_MAX) }
}

function causeOf(root: DatabaseSession, holder: DatabaseSession): LockCause {
  if (root.waitsFor === 'IPC:SyncRep') return 'standby'
  if (isDisk(root.waitsFor)) return 'disk'
  if (root.waitsFor === 'Client:ClientWrite') return 'lock-unread'
  if (root !== holder) return 'lock-chain'
  if (isIdle(root)) return 'lock-idle'
  return root.isOurs ? 'lock-own' : 'lock-foreign'
}

type LockCause = Extract<StallCause, `lock-${string}` | 'standby' | 'disk'>

const SAYS: Readonly<Record<LockCause, (root: string) => string>> = {
  'lock-own': root => `${root}, a process of an Emaki app, has it`,
  'lock-foreign': root => `${root} has it, and is no process of an Emaki app`,
  'lock-chain': root => `${root} is what all others wait for`,
  'lock-idle': root => `${root} has it, and its client does nothing`,
  'lock-unread': root => `${root} has it, and its client does not read the answer`,
  standby: root => `${root} has it, and waits for a standby that confirms nothing`,
  disk: root => `${root} has it, and waits for the disk`,
}

const MENDS: Partial<Record<StallCause, (root: DatabaseSession) => string>> = {
  standby: () =>
    "Bring the standby back, or go on without it: alter system set synchronous_standby_names = ''; select pg_reload_conf()",
  disk: () => 'Look at the disk of the database: its free space, and how long it takes to write.',
  'lock-own': root =>
    isFileOwner(root.application)
      ? terminate(root)
      : `It ends by itself within its statement_timeout. Else ${terminate(root).toLowerCase()}`,
}

function terminate({ pid, application }: DatabaseSession): string {
  if (pid === 0) return 'End the prepared transaction: select gid from pg_prepared_xacts, then rollback prepared'
  return isFileOwner(application) ? `End the process: kill ${pid}` : `End the session: select pg_terminate_backend(${pid})`
}

/** A process that has a file of SQLite open says its command line, which begins with a path or a program. */
function isFileOwner(application: string): boolean {
  return application.startsWith('process: ')
}

function explainWal({ bytes, readers }: NonNullable<Waits['wal']>): Stall {
  const who = readers.length ? `process ${readers.join(', ')} reads an old state of it` : 'a reader keeps it'
  const sentence = `The write-ahead log of SQLite has ${Math.round(bytes / 1_048_576)} MiB, and cannot be copied back: ${who}.`
  const mend = readers.length ? `End the read, or the process: kill ${readers.join(' ')}` : 'End what reads the file for long.'
  return { cause: 'wal', subject: 'log', sentence, since: null, mend, chain: [] }
}

function explainPool({ role, max, waiting, waitMs }: FullPool, now: number): Stall {
  const sentence = `All ${max} connections of the pool ${role} are taken, and ${waiting} wait, the first for ${formatMs(waitMs)}.`
  const mend = 'Look for slow statements in pg_stat_activity. If there are none, raise the readers of postgres(url, { readers }).'
  return { cause: 'pool', subject: 'log', sentence, since: timeBefore(now, waitMs), mend, chain: [] }
}

/** Explains why a store takes no statements, or no appends. */
export function explainFailure({ message, isFull }: NonNullable<LogFacts['failure']>): Stall {
  const mend = isFull
    ? 'Make room on the disk of the database. Appends go on by themselves.'
    : `Run \`${verbCommand('doctor')}\`: it says what the database lacks.`
  const sentence = `The store takes no statements: ${message}`
  return { cause: isFull ? 'disk' : 'store', subject: 'log', sentence, since: null, mend, chain: [] }
}

/** The sessions from the one that waits for nobody to this one, each of which blocks the next. */
function pathTo(session: DatabaseSession, sessions: readonly DatabaseSession[]): readonly DatabaseSession[] {
  const path = [session]
  for (let next = blockerOf(session, sessions); next && !path.includes(next); next = blockerOf(next, sessions)) path.unshift(next)
  return path
}

function blockerOf(session: DatabaseSession | undefined, sessions: readonly DatabaseSession[]): DatabaseSession | undefined {
  return sessions.find(({ pid }) => session?.blockedBy.includes(pid))
}

/** `psql by hand (pid 12, idle in transaction for 1.7 s)` */
function describe({ application, pid, state, stateMs }: DatabaseSession): string {
  if (pid === 0) return 'a prepared transaction'
  const since = stateMs === null ? '' : ` for ${formatMs(stateMs)}`
  return `${application || 'a session without a name'} (pid ${pid}, ${state ?? 'its state is hidden'}${since})`
}

function isIdle({ state }: DatabaseSession): boolean {
  return state?.startsWith('idle in transaction') ?? false
}

function isDisk(waitsFor: string | null): boolean {
  return waitsFor !== null && (waitsFor.startsWith('IO:') || waitsFor.startsWith('LWLock:WAL'))
}

function waitOf(session: DatabaseSession | undefined): number {
  return session?.waitMs ?? 0
}

function stateOf({ state, stateMs }: DatabaseSession): number {
  return state === 'active' || state === null || state.startsWith('idle in transaction') ? (stateMs ?? 0) : 0
}

function unique(sessions: readonly DatabaseSession[]): readonly DatabaseSession[] {
  return [...new Set(sessions)]
}
