// W20: a million timers that a process has set, of which a thousand fall due each second.
import { after, events, processManager, runtime, decider } from 'emaki'
import { postgres as store } from 'emaki/postgres'
import postgres from 'postgres'
import { z } from 'zod'
import type { Arena } from '../contestant.ts'
import type { Plan } from '../duel.ts'
import { cpuClock } from '../measure/cpu.ts'
import { isAsked, type Options } from '../options.ts'
import { plainRow, type Row } from '../row.ts'

const PENDING = 1_000_000
const PENDING_SHORT = 100_000
const EACH_SECOND = 1_000
const SECONDS = 20
const SECONDS_SHORT = 5
const IDLE_MS = 5_000
/** From the seeding until the first falls due. */
const AHEAD_MS = 4_000
const LATE_MS_MAX = 60_000
const MEDIAN_MS_MAX = 100
const P99_MS_MAX = 1_000

const Visit = events('visit', { Begun: z.object({}) })
const visit = decider(Visit, {
  initial: {},
  evolve: { Begun: visit => visit },
  commands: { begin: z.object({}) },
  decide: { begin: () => Visit.Begun({}) },
})
const reminder = processManager('reminder', {
  from: Visit,
  to: visit,
  begins: 'Begun',
  initial: { visits: 0 },
  evolve: { Begun: ({ visits }) => ({ visits: visits + 1 }) },
  react: { Begun: () => after('1 day', 'remind') },
  on: { rejected: () => [] },
})

export async function timers(arena: Arena, _: Plan, systems: Options['systems']): Promise<readonly Row[]> {
  if (!isAsked(systems, 'emaki')) return []
  const [pending, seconds] = arena.short ? [PENDING_SHORT, SECONDS_SHORT] : [PENDING, SECONDS]
  const url = await arena.server.createDatabase('timers')
  // A runtime makes the tables, and sets one timer as all others are set.
  const first = await runtime({ serve: [visit, reminder], store: store(url) })
  await first.send(visit.begin('first', {}))
  await first.waitUntilProcessed(await first.store.head(), ['process_reminder'])
  await first.close()
  const sql = postgres(url, { max: 1, onnotice: () => {}, connection: { search_path: 'emaki', synchronous_commit: 'off' } })
  try {
    await seed(sql, pending)
    const emaki = await runtime({ serve: [visit, reminder], store: store(url) })
    await Bun.sleep(1_000)
    const idle = cpuClock(arena.server.pid)
    await Bun.sleep(IDLE_MS)
    const { appUs, serverUs } = idle()
    const due = seconds * EACH_SECOND
    const before = cpuClock(arena.server.pid)
    await fallDue(sql, due)
    await emaki.close()
    // They were moved behind its back: it looks at the agenda anew.
    const again = await runtime({ serve: [visit, reminder], store: store(url) })
    const fired = await allFired(sql, due, AHEAD_MS + seconds * 1_000 + LATE_MS_MAX)
    await again.waitUntilProcessed(await again.store.head(), ['process_reminder'], LATE_MS_MAX)
    const used = before()
    await again.close()
    const late = await lateness(sql)
    const wrong = fired ?? (await check(sql, due, pending))
    const place = { cell: 'W20', unit: 'ms', target: '<= 1' }
    const note = `${pending} pending, ${EACH_SECOND} a second for ${seconds} s`
    const us = { appUs: used.appUs / due, serverUs: used.serverUs === null ? null : used.serverUs / due }
    const times = { p50Ms: late.p50, p99Ms: late.p99 }
    return [
      { ...plainRow({ ...place, variant: 'median' }, 'emaki', late.p50, MEDIAN_MS_MAX, note), ...times, ...us, wrong },
      { ...plainRow({ ...place, variant: 'p99' }, 'emaki', late.p99, P99_MS_MAX, `max ${late.max.toFixed(0)} ms`), ...times },
      idleRow('idle-app', appUs),
      ...(serverUs === null ? [] : [idleRow('idle-db', serverUs)]),
    ]
  } finally {
    await sql.end()
  }
}

/** CPU while nothing is due, in ms a second. */
function idleRow(variant: string, us: number): Row {
  return plainRow({ cell: 'W20', variant, unit: 'ms/s', target: '' }, 'emaki', us / IDLE_MS, 0)
}

/** Timers as the process sets them, a day ahead, in the agenda and in its rows. */
async function seed(sql: postgres.Sql, many: number): Promise<void> {
  await sql.unsafe(`
    insert into rows_process_reminder_v1 (key, position, data)
    select 'v' || i, r.position, r.data from rows_process_reminder_v1 r, generate_series(1, ${many}) i where r.key = 'first'`)
  await sql.unsafe(`
    insert into agenda (id, owner, key, timer, command, meta, due, at_position, made_at)
    select 'reminder:v' || i || '@remind', a.owner, 'v' || i, a.timer, a.command, a.meta, a.due, a.at_position, a.made_at
    from agenda a, generate_series(1, ${many}) i where a.key = 'first'`)
  await sql.unsafe('vacuum analyze')
  await sql.unsafe('checkpoint')
}

/** So many of them are due soon, evenly. What the row of an instance says of when is no matter: which event set it is. */
async function fallDue(sql: postgres.Sql, many: number): Promise<void> {
  await sql.unsafe(`
    update agenda set due = t.now + interval '1 millisecond' * (${AHEAD_MS} + i * ${1_000 / EACH_SECOND}::float8)
    from (select clock_timestamp() as now) t, generate_series(1, ${many}) i where id = 'reminder:v' || i || '@remind'`)
  await sql.unsafe(`create table wanted as select key, due from agenda where due < clock_timestamp() + interval '1 hour'`)
}

async function allFired(sql: postgres.Sql, many: number, timeoutMs: number): Promise<string | null> {
  let count = 0
  for (const end = performance.now() + timeoutMs; performance.now() < end; await Bun.sleep(500)) {
    const [row] = await sql.unsafe<{ count: number }[]>(`select count(*)::int as count from events where type = 'Due'`)
    count = row!.count
    if (count >= many) return null
  }
  return `of ${many} timers ${count} have fired`
}

async function lateness(sql: postgres.Sql): Promise<{ readonly p50: number; readonly p99: number; readonly max: number }> {
  // An event's time is cut off to milliseconds.
  const [row] = await sql.unsafe<{ p50: number; p99: number; max: number }[]>(`
    select percentile_cont(0.5) within group (order by late) as p50, percentile_cont(0.99) within group (order by late) as p99, max(late) as max
    from (
      select date_part('epoch', e.at - date_trunc('milliseconds', w.due)) * 1000 as late
      from wanted w join events e on e.stream = 'reminder-' || w.key
    ) l`)
  return row!
}

/** What is wrong: each that was due fired once and not early, its instance knows it, and all others are pending. */
async function check(sql: postgres.Sql, due: number, pending: number): Promise<string | null> {
  const [row] = await sql.unsafe<{ fired: number; twice: number; early: number; knows: number; left: number }[]>(`
    select count(e.stream)::int as fired, count(*) filter (where e.version > 1)::int as twice,
      count(*) filter (where e.at < date_trunc('milliseconds', w.due))::int as early,
      (select count(*)::int from rows_process_reminder_v1 where data::json ->> 'timers' = '{}') as knows,
      (select count(*)::int from agenda where key <> 'first') as left
    from wanted w left join events e on e.stream = 'reminder-' || w.key`)
  const { fired, twice, early, knows, left } = row!
  if (fired === due && twice === 0 && early === 0 && knows === due && left === pending - due) return null
  return `of ${due} timers ${fired} fired, ${twice} twice, ${early} early; ${knows} instances know; ${left} of ${pending - due} are left`
}
