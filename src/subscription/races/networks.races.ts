import { describe, expect } from 'bun:test'
import createClient from 'postgres'
import { form, race } from '../../postgres/races/form.ts'
import { proxied } from '../../postgres/races/proxied.ts'
import type { Random } from '../../postgres/races/random.ts'
import type { FaultProxy, Verdict } from '../../testing/servers/proxy.ts'
import { testPostgres } from '../../testing/servers/postgres.ts'
import { until } from '../../testing/servers/until.ts'
import { Arena } from './arena.ts'
import { onPostgres, type PostgresPlace, SCHEMA } from './places.ts'
import type { LeasePlant } from './watched.ts'

const CALLERS = 4
const DEADLINE_MS = 1_000
/** A command is said again until it is known what became of it; so long it takes at most, with statements that end at their deadline. */
const ENDS_MS = 15_000
const TAKEN_OVER_MAX_MS = 5_000
const TABLES = ['counts_v1', 'tags_v1', 'open_v1', 'effects', 'sql_report_v1']

describe('a reply that is lost after a page was written', () => {
  for (const how of ['cut', 'drop'] as const) {
    race(`makes nothing happen twice (${how})`, async random => {
      const { wrong, lost } = await losing(random, how, how === 'cut' ? form(25, 1_000) : form(3, 100), null)
      expect(wrong).toEqual([])
      expect(lost).toBeGreaterThan(0)
    })
  }

  race('shows the planted bug: said again as if nothing had happened', async random => {
    const { wrong } = await losing(random, 'cut', 25, 'twice')
    expect(wrong.some(sentence => /^sql_report_v1 .* has/.test(sentence))).toBeTrue()
  })
})

describe('a network that swallows everything for some seconds', () => {
  race('loses a node its subscriptions to another, and it comes back', async random => {
    const place = await onPostgres()
    using proxy = proxied(place)
    await using arena = new Arena(place, random)
    const [near] = await arena.start(1, { database: through(place, proxy) })
    near!.load(CALLERS)
    await owned(place, near!.pid)
    const [far] = await arena.start(1)
    far!.load(CALLERS)
    arena.watch()
    for (let round = 0; round < form(2, 50); round++) {
      proxy.swallow(true, random.pick(['toServer', 'toClient', undefined]))
      await owned(place, far!.pid)
      await arena.caughtUpOnce()
      proxy.swallow(false)
      far!.signal('SIGSTOP')
      await owned(place, near!.pid)
      far!.signal('SIGCONT')
    }
    expect(await arena.settle()).toEqual([])
    const slowest = Math.max(...near!.attempts.map(({ from, until }) => until - from))
    expect(slowest).toBeLessThan(ENDS_MS)
  })
})

describe('sessions that the server ends, those that listen among them', () => {
  race('cost projections and processors nothing', async random => {
    const place = await onPostgres()
    await using arena = new Arena(place, random)
    for (const node of await arena.start(2)) node.load(CALLERS)
    await arena.write(1, 8)
    arena.watch()
    const ended = await endSessions(place, random, form(25, 2_000))
    expect(await arena.settle()).toEqual([])
    expect(ended).toBeGreaterThan(10)
  })
})

describe('a foreign transaction that has written and stays open', () => {
  race('keeps no row from being seen', async random => {
    const place = await onPostgres()
    await using arena = new Arena(place, random)
    const [node] = await arena.start(1)
    const elsewhere = await (await testPostgres()).createDatabase('elsewhere')
    const ends = await Promise.all([openWrite(place.url), openWrite(elsewhere)])
    arena.watch()
    node!.load(CALLERS)
    for (let i = 0; i < form(10, 200); i++) await arena.caughtUpOnce()
    await until('there is something to be seen', () => arena.checker.log.length > 50, 30_000)
    await node!.rest()
    // All of it, while the transactions are still open.
    await arena.caughtUp()
    await Promise.all(ends.map(end => end()))
    expect(await arena.settle()).toEqual([])
  })
})

describe('writers that race at the head', () => {
  race('lose, double and reorder nothing for those who follow', async random => {
    const place = await onPostgres()
    await using arena = new Arena(place, random)
    const nodes = await arena.start(2)
    arena.watch()
    await arena.write(3, 8, form(100, 20))
    for (const node of nodes) node.load(CALLERS)
    await until('there is a race', () => arena.checker.log.length > form(4_000, 400_000), form(15_000, 300_000))
    expect(await arena.settle()).toEqual([])
  })
})

/** A database that is reached through a proxy, and given up soon. */
function through(place: PostgresPlace, proxy: FaultProxy) {
  return { kind: 'postgres', url: proxy.url(place.url), schema: SCHEMA, deadlineMs: DEADLINE_MS } as const
}

/** One node whose pages are written, now and then without its being told. */
async function losing(random: Random, how: Exclude<Verdict, 'forward'>, losses: number, plant: LeasePlant | null) {
  const place = await onPostgres()
  using proxy = proxied(place)
  const loss = pageLoss(proxy)
  await using arena = new Arena(place, random, { plant, database: through(place, proxy) })
  const [node] = await arena.start(1)
  node!.load(CALLERS)
  arena.watch()
  for (let i = 1; i <= losses; i++) {
    loss.next(how)
    await until('a reply is lost', () => loss.lost() === i, form(10_000, 30_000))
    await Bun.sleep(random.below(200))
  }
  return { wrong: await arena.settle(), lost: loss.lost() }
}

/** Loses the next reply to a page of a projection that has been written, one statement or a whole transaction. */
function pageLoss(proxy: FaultProxy): { readonly next: (how: Exclude<Verdict, 'forward'>) => void; readonly lost: () => number } {
  const writing = new Set<number>()
  let armed: Exclude<Verdict, 'forward'> | null = null
  let lost = 0
  // The statement is named where it is prepared, which is on the connection that writes.
  proxy.onClientData((bytes, connection) => {
    if (Buffer.from(bytes).includes('.checkpoints set position')) writing.add(connection)
    return 'forward'
  })
  proxy.onServerData((bytes, connection) => {
    const said = Buffer.from(bytes)
    if (!armed || !writing.has(connection) || !COMMITTED.some(end => said.includes(end))) return 'forward'
    const how = armed
    armed = null
    lost++
    return how
  })
  return {
    next: how => {
      armed = how
    },
    lost: () => lost,
  }
}

/** How the server says that a page is written: a statement outside of a transaction that gave a row, or the end of one. */
const COMMITTED = ['SELECT 1\0Z\0\0\0\x05I', 'COMMIT\0']

/** Waits until one process owns every subscription. */
async function owned({ sql }: PostgresPlace, pid: number): Promise<void> {
  await until(
    `${pid} owns everything`,
    async () => {
      const rows = await sql.unsafe<{ name: string }[]>(
        `select name from ${SCHEMA}.leases where owner like '${pid}.%' and until > clock_timestamp()`,
      )
      return rows.length === TABLES.length
    },
    2 * TAKEN_OVER_MAX_MS,
  )
}

/** Ends sessions of whoever it is but ourselves, one after the other; gives how many. */
async function endSessions({ sql }: PostgresPlace, random: Random, many: number): Promise<number> {
  let ended = 0
  for (let i = 0; i < many; i++) {
    const found = await sql<{ pid: number }[]>`select pid from pg_stat_activity where datname = current_database()
      and application_name <> 'the looker' and pid <> pg_backend_pid() order by pid`
    if (found.length) await sql`select pg_terminate_backend(${random.pick(found).pid})`
    ended += Number(found.length > 0)
    await Bun.sleep(200)
  }
  return ended
}

/** Leaves a transaction open that has written, and so holds back every snapshot; gives the function that ends it. */
async function openWrite(url: string): Promise<() => Promise<void>> {
  const sql = createClient(url, { max: 1, onnotice: () => {} })
  await sql`create table if not exists elsewhere (n integer)`
  await sql.unsafe('begin')
  await sql`insert into elsewhere values (1)`
  return async () => {
    await sql.unsafe('rollback')
    await sql.end()
  }
}
