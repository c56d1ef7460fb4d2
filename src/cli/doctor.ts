// doctor: examines the database and the log, and tells how to fix each problem.
import { verbCommand } from '../lib/verb-command.ts'
import { runningOf } from '../definitions/definition.ts'
import { spec } from '../definitions/event/events.ts'
import { subscriptionOf as processSubscription } from '../definitions/process/instance.ts'
import { tableOf } from '../definitions/projection/projection.ts'
import { subscriptionOf as sqlSubscription } from '../definitions/projection/sql-projection.ts'
import { scheduleOwner } from '../definitions/schedule.ts'
import type { LeaseHolder } from '../ports/read-model/leases.ts'
import type { Progress } from '../ports/read-model/progress.ts'
import type { Diagnosis } from '../ports/store/diagnosis.ts'
import { StoreError } from '../ports/store/errors.ts'
import type { UnfinishedImport } from '../ports/store/import.ts'
import type { Store } from '../ports/store/store.ts'
import type { LogIdentity } from '../ports/store/upkeep.ts'
import { diagnoseFolds, diagnoseReading } from './doctor-code.ts'
import { isPause } from '../subscription/pausing.ts'
import { EXIT } from './exit-codes.ts'
import { withStore } from './opened.ts'
import { paintFor, plain } from '../lib/paint.ts'
import { formatDuration } from './progress.ts'
import { proofsOf, scratchFor } from './prove.ts'
import type { Call, Verb } from './verb.ts'

/** The oldest release of Bun that is tested. */
const BUN_MIN = '1.4.5'
/** A subscription that lags is examined again after this time, in ms. */
const LOOK_AGAIN_MS = 1_500
/** How long a due entry may wait to be sent, in ms. */
const BACKLOG_MS = 60_000

export const doctorVerb: Verb = {
  does: 'examine the database and the log, and tell how to fix each problem; exits with 1 if there is one',
  options: { prove: { does: 'also test the promises, in a scratch schema (or file) that is deleted afterwards' } },
  json: true,
  run: async call => {
    const diagnoses = await examine(call)
    if (call.values['prove'] === true) diagnoses.push(...(await proofsOf(scratchFor(call.config))))
    console.log(call.json ? JSON.stringify(diagnoses) : textOf(diagnoses))
    return diagnoses.some(({ status }) => status === 'problem') ? EXIT.PROBLEM : 0
  },
}

async function examine(call: Call): Promise<Diagnosis[]> {
  const diagnoses = [diagnoseBun(Bun.version), ...(call.store ? [] : await examineDatabase(call))]
  // A store that lacks a migration, or cannot be reached, is not opened.
  if (diagnoses.some(({ status }) => status === 'problem')) return diagnoses
  try {
    const config = { ...call.config, MIGRATE: false }
    diagnoses.push(...(await withStore({ ...call, config }, store => examineLog(call, store))))
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    diagnoses.push({ name: 'log', status: 'problem', found: error.message })
  }
  return diagnoses
}

/** Checks the release of Bun. */
export function diagnoseBun(version: string): Diagnosis {
  if (Bun.semver.satisfies(version.replace(/-.*/, ''), `>=${BUN_MIN}`)) return { name: 'bun', status: 'ok', found: version }
  return { name: 'bun', status: 'problem', found: version, fix: `upgrade to Bun ${BUN_MIN} or newer` }
}

async function examineDatabase({ config }: Call): Promise<readonly Diagnosis[]> {
  const {
    DATABASE_URL: url,
    DATABASE_SCHEMA: schema,
    DATABASE_POOLER: pooler,
    DATABASE_DIRECT_URL: directUrl,
    SQLITE_FILE,
  } = config
  if (url === undefined) return (await import('../adapters/sqlite/examine.ts')).examineSqlite(SQLITE_FILE)
  return (await import('../adapters/postgres/examine.ts')).examinePostgres(url, { schema, pooler, directUrl })
}

/** Examines the open log. */
async function examineLog(call: Call, store: Store): Promise<readonly Diagnosis[]> {
  return [
    diagnoseHome(store.identity, await store.head()),
    ...(await diagnoseLags(store, await subscriptionsOf(call, store))),
    ...diagnoseSchedules(call, await store.readModel.leases()),
    ...diagnoseLeases(await store.readModel.leases()),
    ...(await diagnoseReading(store, call.serve)),
    ...(await diagnoseFolds(store, call.serve)),
    await diagnoseParked(store),
    await diagnoseBacklogOf(store),
    ...(await store.imports()).map(diagnoseImport),
  ]
}

/** Checks that the log is where it was made, or was restored by our own verb. */
export function diagnoseHome({ id, epoch, restoredFrom }: LogIdentity, head: number): Diagnosis {
  const found = `${id}, epoch ${epoch}, head ${head}`
  if (restoredFrom === undefined) return { name: 'log', status: 'ok', found }
  return {
    name: 'log',
    status: 'problem',
    found: `${found}: restored from a dump of another database (${restoredFrom}), which may be served too`,
    fix: `run \`${verbCommand('restore')}\`, once the other one is never served again`,
  }
}

/** The names of an app's subscriptions. */
async function subscriptionsOf({ serve }: Call, { readModel }: Store): Promise<readonly string[]> {
  const names = serve.map(async (served): Promise<readonly string[]> => {
    const one = runningOf(served)
    if (one.kind === 'projection') return one.live ? [] : [(await readModel.serving(one.name)) ?? tableOf(one)]
    if (one.kind === 'sql-projection') return [sqlSubscription(one)]
    if (one.kind === 'process') return [processSubscription(one)]
    return one.kind === 'processor' ? [one.name] : []
  })
  return (await Promise.all(names)).flat()
}

/** Examines subscriptions that lag twice: one that moves is catching up. */
async function diagnoseLags(store: Store, names: readonly string[]): Promise<readonly Diagnosis[]> {
  // The head is read second: an event that is appended and handled meanwhile is then not past it.
  const before = await store.readModel.progress(names)
  const head = await store.head()
  const isBehind = names.some(name => positionOf(before, name) < head)
  if (isBehind) await Bun.sleep(LOOK_AGAIN_MS)
  const after = isBehind ? await store.readModel.progress(names) : before
  const held = await store.readModel.leases()
  return names.map(name =>
    diagnoseLag(name, {
      head,
      before: positionOf(before, name),
      after: positionOf(after, name),
      isRun: held.some(one => one.name === name && one.leftMs > 0 && !isPause(one)),
      isPaused: held.some(one => one.name === name && isPause(one)),
    }),
  )
}

function positionOf(progress: readonly Progress[], name: string): number {
  return progress.find(one => one.name === name)?.position ?? 0
}

type Lag = {
  readonly head: number
  readonly before: number
  readonly after: number
  readonly isRun: boolean
  readonly isPaused?: boolean
}

/** Checks by two reads whether a subscription moves. `isRun`: a process has its lease. */
export function diagnoseLag(subscription: string, { head, before, after, isRun, isPaused = false }: Lag): Diagnosis {
  const name = `subscription ${subscription}`
  const behind = head - after
  if (before > head)
    return {
      name,
      status: 'problem',
      found: `at ${before}, past the head of the log, ${head}`,
      fix: `run \`${verbCommand('restore')}\`: the log was restored to an earlier time`,
    }
  if (isPaused)
    return {
      name,
      status: 'warning',
      found: `${Math.max(0, behind)} events behind the head, and paused`,
      fix: pausedFix(subscription),
    }
  if (behind <= 0) return { name, status: 'ok', found: `at the head, ${head}` }
  if (after > before) return { name, status: 'ok', found: `${behind} events behind the head, catching up` }
  if (isRun)
    return {
      name,
      status: 'warning',
      found: `${behind} events behind the head, and has not moved`,
      fix: `run \`${verbCommand('doctor')}\` again; then read the log of the process that runs it`,
    }
  return {
    name,
    status: 'problem',
    found: `${behind} events behind the head, and no process runs it`,
    fix: `start a process: \`${verbCommand('serve')}\``,
  }
}

/** Tells which schedules send nothing, because they are paused. */
function diagnoseSchedules({ serve }: Call, leases: readonly LeaseHolder[]): readonly Diagnosis[] {
  const paused = new Set(leases.filter(isPause).map(({ name }) => name))
  return serve.flatMap(({ [spec]: one }): readonly Diagnosis[] => {
    if (one.kind !== 'schedule' || !paused.has(scheduleOwner(one))) return []
    return [{ name: `schedule ${one.name}`, status: 'warning', found: 'paused: it sends nothing', fix: pausedFix(one.name) }]
  })
}

function pausedFix(name: string): string {
  return `run \`${verbCommand('resume', name)}\` once the cause is mended`
}

/** Checks that each lease has a live owner. */
export function diagnoseLeases(all: readonly LeaseHolder[]): readonly Diagnosis[] {
  const held = all.filter(one => !isPause(one))
  const over = held.filter(({ leftMs }) => leftMs <= 0)
  const live = held.length - over.length
  if (over.length === 0) return [{ name: 'leases', status: 'ok', found: `${live} held` }]
  const found = over.map(({ name, leftMs }) => `${name} (since ${formatDuration(-leftMs / 1_000)})`).join(', ')
  return [
    {
      name: 'leases',
      status: 'warning',
      found: `${live} held; expired, and not taken over: ${found}`,
      fix: `start a process: \`${verbCommand('serve')}\`; the owner has died or hangs`,
    },
  ]
}

async function diagnoseParked({ readModel }: Store): Promise<Diagnosis> {
  const counts = await readModel.parkedCounts()
  const staying = counts.filter(({ keys, streams }) => keys + streams > 0)
  const retrying = counts.filter(one => one.retrying > 0)
  const list = (some: typeof counts, many: (one: (typeof counts)[number]) => number) =>
    `${some.reduce((sum, one) => sum + many(one), 0)} of ${some.map(({ name }) => name).join(', ')}`
  const see = `run \`${verbCommand('parked')}\` to see them`
  const unpark = staying.map(({ name }) => `\`${verbCommand('unpark', name)}\``).join(', ')
  const fix = `${see}; fix the cause, then ${unpark}`
  if (staying.length)
    return { name: 'parked', status: 'problem', found: list(staying, ({ keys, streams }) => keys + streams), fix }
  if (retrying.length)
    return {
      name: 'parked',
      status: 'warning',
      found: `in retry: ${list(retrying, one => one.retrying)}`,
      fix: `${see}; they are tried again by themselves`,
    }
  return { name: 'parked', status: 'ok', found: 'nothing' }
}

async function diagnoseBacklogOf({ agenda, readModel }: Store): Promise<Diagnosis> {
  const counts = await agenda.count()
  const sum = (of: 'pending' | 'due') => counts.reduce((all, one) => all + one[of], 0)
  const held = new Set((await readModel.leases()).filter(({ leftMs }) => leftMs > 0).map(({ name }) => name))
  const firstOf = async (isHeld: boolean) => {
    const owners = counts.filter(({ owner, due }) => due > 0 && held.has(owner) === isHeld)
    const entries = await Promise.all(owners.map(({ owner }) => agenda.list({ owner, limit: 1 })))
    return entries.flatMap(([first]) => (first ? [first.due] : [])).toSorted()[0] ?? null
  }
  const found = { pending: sum('pending'), due: sum('due'), first: await firstOf(false), firstHeld: await firstOf(true) }
  return diagnoseBacklog(found, Date.now())
}

type Backlog = {
  readonly pending: number
  readonly due: number
  /** The first due time of what no process sends, and of what a process sends, or keeps because it is paused. */
  readonly first: string | null
  readonly firstHeld?: string | null
}

/** Checks that due entries are sent. What a process has in its hands may wait because it came too early. */
export function diagnoseBacklog({ pending, due, first, firstHeld = null }: Backlog, now: number): Diagnosis {
  const found = `${pending} pending, ${due} due`
  const lateMs = (at: string | null) => (at === null ? 0 : now - Date.parse(at))
  const late = (at: string | null) => `${found}, the first since ${formatDuration(lateMs(at) / 1_000)}`
  if (lateMs(first) >= BACKLOG_MS)
    return {
      name: 'agenda',
      status: 'problem',
      found: late(first),
      fix: `start a process: \`${verbCommand('serve')}\`; to see them: \`${verbCommand('agenda')}\``,
    }
  if (lateMs(firstHeld) >= BACKLOG_MS) return { name: 'agenda', status: 'warning', found: late(firstHeld), fix: heldFix() }
  return { name: 'agenda', status: 'ok', found }
}

function heldFix(): string {
  return `run \`${verbCommand('agenda')}\` to see them: they wait because they came too early (reject.later), their owner is paused, or its log says why it cannot send`
}

/** Tells of an import that has not moved all of its records. */
export function diagnoseImport({ name, source, moved, total, beganAt }: UnfinishedImport): Diagnosis {
  return {
    name: 'import',
    status: 'warning',
    found: `${source} is not finished: ${moved} of ${total} events are moved; it began ${beganAt}`,
    fix: `import the same file again, or give it up: \`${verbCommand('imports', 'end', name)}\``,
  }
}

function textOf(diagnoses: readonly Diagnosis[]): string {
  const { green, yellow, red, bold } = paintFor()
  const signs = { ok: green('✓'), warning: yellow('!'), problem: red('✗') }
  const width = Math.max(...diagnoses.map(({ name }) => name.length))
  const lines = diagnoses.flatMap(({ name, status, found, fix }) => [
    `${signs[status]} ${name.padEnd(width)}  ${plain(found)}`,
    ...(fix === undefined ? [] : [`  ${' '.repeat(width)}  → ${fix}`]),
  ])
  const many = (status: Diagnosis['status']) => diagnoses.filter(one => one.status === status).length
  const [problems, warnings] = [many('problem'), many('warning')]
  const verdict = problems ? red(`${problems} ${problems === 1 ? 'problem' : 'problems'}`) : green('all well')
  return [...lines, '', bold(`${verdict}${warnings ? `, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}` : ''}`)].join(
    '\n',
  )
}
