// doctor: what the promises rest on, where everything is, and how to mend what is not as it should be.
import { spec } from '../event/events.ts'
import { subscriptionOf as processSubscription } from '../process/instance.ts'
import type { ProcessSpec } from '../process/process.ts'
import { type ProjectionSpec, tableOf } from '../projection/projection.ts'
import { type SqlProjectionSpec, subscriptionOf as sqlSubscription } from '../projection/sql-projection.ts'
import type { Held, Progress } from '../read-model/read-model.ts'
import type { Finding } from '../store/finding.ts'
import { type Store, StoreError } from '../store/store.ts'
import { EXIT } from './exit-codes.ts'
import { opened } from './opened.ts'
import { paintFor, plain } from './paint.ts'
import { lasting } from './progress.ts'
import { proofsOf, scratchFor } from './prove.ts'
import type { Call, Verb } from './verb.ts'

/** The oldest release of Bun that is tested. */
const BUN_MIN = '1.4.5'
/** So long after the first look it is asked whether what lags has moved, in ms. */
const LOOK_AGAIN_MS = 1_500
/** How long what is due may wait to be sent, in ms. */
const BACKLOG_MS = 60_000

export const doctorVerb: Verb = {
  does: 'examine the database and the log, and say how to mend what is not as it should be; 1 with a problem',
  options: { prove: { does: 'also try the promises, in a scratch schema (or file) that is dropped again' } },
  json: true,
  run: async call => {
    const findings = await examined(call)
    if (call.values['prove'] === true) findings.push(...(await proofsOf(scratchFor(call.config))))
    console.log(call.json ? JSON.stringify(findings) : textOf(findings))
    return findings.some(({ status }) => status === 'problem') ? EXIT.PROBLEM : 0
  },
}

async function examined(call: Call): Promise<Finding[]> {
  const findings = [bun(Bun.version), ...(call.store ? [] : await database(call))]
  // What lacks a migration, or cannot be reached, is not opened.
  if (findings.some(({ status }) => status === 'problem')) return findings
  try {
    const config = { ...call.config, MIGRATE: false }
    findings.push(...(await opened({ ...call, config }, store => log(call, store))))
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    findings.push({ name: 'log', status: 'problem', found: error.message })
  }
  return findings
}

/** Whether a release of Bun will do. */
export function bun(version: string): Finding {
  if (Bun.semver.satisfies(version.replace(/-.*/, ''), `>=${BUN_MIN}`)) return { name: 'bun', status: 'ok', found: version }
  return { name: 'bun', status: 'problem', found: version, mend: `upgrade to Bun ${BUN_MIN} or newer` }
}

async function database({ config }: Call): Promise<readonly Finding[]> {
  const {
    DATABASE_URL: url,
    DATABASE_SCHEMA: schema,
    DATABASE_POOLER: pooler,
    DATABASE_DIRECT_URL: directUrl,
    SQLITE_FILE,
  } = config
  if (url === undefined) return (await import('../sqlite/examine.ts')).examineSqlite(SQLITE_FILE)
  return (await import('../postgres/examine.ts')).examinePostgres(url, { schema, pooler, directUrl })
}

/** What the log itself says. */
async function log(call: Call, store: Store): Promise<readonly Finding[]> {
  const { id, epoch } = store.identity
  return [
    { name: 'log', status: 'ok', found: `${id}, epoch ${epoch}, head ${await store.head()}` },
    ...(await lag(store, await subscriptionsOf(call, store))),
    ...leases(await store.readModel.leases()),
    await parked(store),
    await backlog(store),
  ]
}

type Definition =
  | ProjectionSpec
  | SqlProjectionSpec
  | ProcessSpec
  | { readonly kind: 'processor'; readonly name: string }
  | { readonly kind: 'decider' | 'query' }

/** The names of the subscriptions that an app has. */
async function subscriptionsOf({ serve }: Call, { readModel }: Store): Promise<readonly string[]> {
  const names = serve.map(async (served): Promise<readonly string[]> => {
    const one = served[spec] as unknown as Definition
    if (one.kind === 'projection') return one.live ? [] : [(await readModel.serving(one.name)) ?? tableOf(one)]
    if (one.kind === 'sql-projection') return [sqlSubscription(one)]
    if (one.kind === 'process') return [processSubscription(one)]
    return one.kind === 'processor' ? [one.name] : []
  })
  return (await Promise.all(names)).flat()
}

/** Looks twice where something lags: what moves is being done. */
async function lag(store: Store, names: readonly string[]): Promise<readonly Finding[]> {
  // In this order: what is appended and handled meanwhile is not past the head.
  const before = await store.readModel.progress(names)
  const head = await store.head()
  const isBehind = names.some(name => positionOf(before, name) < head)
  if (isBehind) await Bun.sleep(LOOK_AGAIN_MS)
  const after = isBehind ? await store.readModel.progress(names) : before
  const held = await store.readModel.leases()
  return names.map(name =>
    lagFinding(name, {
      head,
      before: positionOf(before, name),
      after: positionOf(after, name),
      isRun: held.some(one => one.name === name && one.leftMs > 0),
    }),
  )
}

function positionOf(progress: readonly Progress[], name: string): number {
  return progress.find(one => one.name === name)?.position ?? 0
}

type Lag = { readonly head: number; readonly before: number; readonly after: number; readonly isRun: boolean }

/** Where a subscription is, by two looks. `isRun`: a process has its lease. */
export function lagFinding(subscription: string, { head, before, after, isRun }: Lag): Finding {
  const name = `subscription ${subscription}`
  const behind = head - after
  if (before > head)
    return {
      name,
      status: 'problem',
      found: `at ${before}, past the head of the log, ${head}`,
      mend: 'run restore: the log was restored to an earlier time',
    }
  if (behind <= 0) return { name, status: 'ok', found: `at the head, ${head}` }
  if (after > before) return { name, status: 'ok', found: `${behind} events behind the head, catching up` }
  if (isRun)
    return {
      name,
      status: 'warning',
      found: `${behind} events behind the head, has not moved just now`,
      mend: 'look again; then look into the log of the process that runs it',
    }
  return {
    name,
    status: 'problem',
    found: `${behind} events behind the head, and no process runs it`,
    mend: 'start a process with serve',
  }
}

/** Who has which subscription. */
export function leases(held: readonly Held[]): readonly Finding[] {
  const over = held.filter(({ leftMs }) => leftMs <= 0)
  const live = held.length - over.length
  if (over.length === 0) return [{ name: 'leases', status: 'ok', found: `${live} held` }]
  const found = over.map(({ name, leftMs }) => `${name} (since ${lasting(-leftMs / 1_000)})`).join(', ')
  return [
    {
      name: 'leases',
      status: 'warning',
      found: `${live} held; over, and taken by nobody: ${found}`,
      mend: 'start a process with serve: its owner has died or hangs',
    },
  ]
}

async function parked({ readModel }: Store): Promise<Finding> {
  const found = await readModel.parked()
  if (found.length === 0) return { name: 'parked', status: 'ok', found: 'nothing' }
  const names = [...new Set(found.map(({ name }) => name))].join(', ')
  return {
    name: 'parked',
    status: 'problem',
    found: `${found.length} of ${names}`,
    mend: 'see parked; mend the cause, then unpark, or skip',
  }
}

async function backlog({ agenda }: Store): Promise<Finding> {
  const counts = await agenda.count()
  const sum = (of: 'pending' | 'due') => counts.reduce((all, one) => all + one[of], 0)
  const [first] = await agenda.list({ limit: 1 })
  return backlogFinding({ pending: sum('pending'), due: sum('due'), first: first?.due ?? null }, Date.now())
}

/** Whether what is due is sent. */
export function backlogFinding(
  { pending, due, first }: { readonly pending: number; readonly due: number; readonly first: string | null },
  now: number,
): Finding {
  const lateMs = first === null ? 0 : now - Date.parse(first)
  const found = `${pending} pending, ${due} due`
  if (due === 0 || lateMs < BACKLOG_MS) return { name: 'agenda', status: 'ok', found }
  return {
    name: 'agenda',
    status: 'problem',
    found: `${found}, the first since ${lasting(lateMs / 1_000)}`,
    mend: 'start a process with serve, or see in its log why it cannot send; see agenda',
  }
}

function textOf(findings: readonly Finding[]): string {
  const { green, yellow, red, bold } = paintFor()
  const signs = { ok: green('✓'), warning: yellow('!'), problem: red('✗') }
  const width = Math.max(...findings.map(({ name }) => name.length))
  const lines = findings.flatMap(({ name, status, found, mend }) => [
    `${signs[status]} ${name.padEnd(width)}  ${plain(found)}`,
    ...(mend === undefined ? [] : [`  ${' '.repeat(width)}  → ${mend}`]),
  ])
  const many = (status: Finding['status']) => findings.filter(one => one.status === status).length
  const [problems, warnings] = [many('problem'), many('warning')]
  const verdict = problems ? red(`${problems} ${problems === 1 ? 'problem' : 'problems'}`) : green('all well')
  return [...lines, '', bold(`${verdict}${warnings ? `, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}` : ''}`)].join(
    '\n',
  )
}
