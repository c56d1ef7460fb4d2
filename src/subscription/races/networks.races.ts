import { describe, expect } from 'bun:test'
import createClient from 'postgres'
import { form, race } from '../../adapters/postgres/races/form.ts'
import { eventually, PATIENCE_MS } from '../../adapters/postgres/races/patience.ts'
import { startRaceProxy } from '../../adapters/postgres/races/race-proxy.ts'
import type { Random } from '../../adapters/postgres/races/random.ts'
import type { FaultProxy, Verdict } from '../../test-support/servers/proxy.ts'
import { testPostgres } from '../../test-support/servers/postgres.ts'
import { Arena, SHORT_LEASE_MS } from './arena.ts'
import { pageLoss } from './page-loss.ts'
import { onPostgres, type PostgresPlace, SCHEMA } from './places.ts'
import type { LeasePlant } from './watched.ts'
import type { SourcePlantName } from './sources.ts'
import { postgres } from '../../adapters/postgres/store.ts'
import { tokenEvent } from '../../adapters/postgres/races/recorder.ts'

const CALLERS = 4
const DEADLINE_MS = 1_000
/** How far the log comes between two faults, at most: as far on a slow machine as on a fast one. */
const EVENTS_BETWEEN_MAX = 40
/** How long is waited for what a planted bug keeps from coming. */
const STUCK_MS = 2_000
const TABLES = ['counts_v1', 'tags_v1', 'open_v1', 'effects', 'sql_report_v1']

describe('a lost reply after a page was written', () => {
  for (const how of ['cut', 'drop'] as const) {
    race(`a lost reply after a page was written has no effect twice (${how})`, async random => {
      const { wrong, lost } = await losePages(random, how, how === 'cut' ? form(25, 1_000) : form(3, 100), null)
      expect(wrong).toEqual([])
      expect(lost).toBeGreaterThan(0)
    })
  }

  race('a lost reply after a page was written shows the planted bug: the page is sent again', async random => {
    expect((await losePages(random, 'cut', 100, 'twice')).hasShown).toBeTrue()
  })
})

describe('a black hole: a network that swallows everything for some seconds', () => {
  race('a black hole for a node moves its subscriptions to another, and the node comes back', async random => {
    const place = await onPostgres()
    using proxy = startRaceProxy(place)
    await using arena = new Arena(place, random, { leaseMs: SHORT_LEASE_MS })
    const [near] = await arena.start(1, { database: throughProxy(place, proxy) })
    near!.load(CALLERS)
    await awaitOwner(place, near!.pid)
    const [far] = await arena.start(1)
    far!.load(CALLERS)
    arena.watch()
    for (let round = 0; round < form(2, 50); round++) {
      proxy.swallow(true, random.pick(['toServer', 'toClient', undefined]))
      await awaitOwner(place, far!.pid)
      await arena.caughtUpOnce()
      proxy.swallow(false)
      far!.signal('SIGSTOP')
      await awaitOwner(place, near!.pid)
      far!.signal('SIGCONT')
    }
    expect(await arena.settle()).toEqual([])
    expect(near!.attempts.filter(({ outcome }) => outcome === 'open')).toEqual([])
  })
})

describe('ended sessions, with those that listen', () => {
  race('ended sessions cost projections and processors nothing', async random => {
    const place = await onPostgres()
    await using arena = new Arena(place, random)
    for (const node of await arena.start(2)) node.load(CALLERS)
    await arena.write(1, 8)
    arena.watch()
    const ended = await endSessions(arena, place, random, form(25, 2_000))
    expect(await arena.settle()).toEqual([])
    expect(ended).toBeGreaterThan(10)
  })

  race('ended sessions leave no process without notifications of the others', async random => {
    expect(await isUnheard(random, null, PATIENCE_MS)).toBeFalse()
  })

  race('ended sessions show the planted bug: a listening connection that is trusted for ever', async random => {
    expect(await isUnheard(random, 'listens for ever', STUCK_MS)).toBeTrue()
  })
})

describe('a long foreign transaction that has written and stays open', () => {
  race('a long foreign transaction hides no row', async random => {
    await using at = await besideForeign(random, null)
    for (let i = 0; i < form(5, 200); i++) {
      await at.arena.grows(EVENTS_BETWEEN_MAX)
      // Rows and effects of all that was appended by now, while the transactions are still open.
      await at.arena.caughtUpOnce()
    }
    await at.endForeign()
    expect(await at.arena.settle()).toEqual([])
  })

  race('a long foreign transaction shows the planted bug: readers that wait for the oldest transaction', async random => {
    await using at = await besideForeign(random, 'waits for the oldest transaction')
    await at.arena.grows(EVENTS_BETWEEN_MAX)
    expect(await isStuck(at.arena, STUCK_MS)).toBeTrue()
    // It was these that it waited for, and nothing else.
    await at.endForeign()
    expect(await at.arena.settle()).toEqual([])
  })
})

describe('a commit race of writers at the head', () => {
  race('a commit race at the head loses, doubles and reorders nothing for followers', async random => {
    await using arena = await raceWriters(random, null)
    await eventually('there is a race', () => arena.checker.log.length > form(4_000, 400_000))
    expect(await arena.settle()).toEqual([])
  })

  race('a commit race at the head shows the planted bug: a gap counts as nothing', async random => {
    await using arena = await raceWriters(random, 'takes a gap for nothing')
    await eventually('it has shown', () => arena.shows(/and the log gives|where the log has/))
  })
})

async function raceWriters(random: Random, plant: SourcePlantName | null): Promise<Arena> {
  const arena = new Arena(await onPostgres(), random, { plant })
  const nodes = await arena.start(2)
  arena.watch()
  await arena.write(3, 8, form(50, 20))
  for (const node of nodes) node.load(CALLERS)
  return arena
}

/** A node that appends nothing itself, writers, and transactions of others in this database and in another, until they are ended. */
async function besideForeign(random: Random, plant: SourcePlantName | null) {
  const place = await onPostgres()
  const arena = new Arena(place, random, { plant })
  await arena.start(1)
  const elsewhere = await (await testPostgres()).createDatabase('elsewhere')
  const ends = await Promise.all([openWrite(place.url), openWrite(elsewhere)])
  const endForeign = async () => void (await Promise.all(ends.splice(0).map(end => end())))
  arena.watch()
  await arena.write(1, 4, 50)
  return {
    arena,
    endForeign,
    [Symbol.asyncDispose]: async () => {
      await endForeign()
      await arena[Symbol.asyncDispose]()
    },
  }
}

/** Ends the session by which a node listens, and tells whether what is appended then stays unheard for so long. */
async function isUnheard(random: Random, plant: SourcePlantName | null, withinMs: number): Promise<boolean> {
  const place = await onPostgres()
  await using arena = new Arena(place, random, { plant })
  await arena.start(1)
  const store = postgres(place.url, { schema: SCHEMA, migrate: false, pooler: false })
  await store.open()
  const say = async (token: string) => {
    const { id, meta } = tokenEvent(token)
    const event = { id, type: 'Raced', schema: 'races', data: JSON.stringify({ token, text: '' }), meta }
    await store.append([{ slices: [{ stream: 'hot-1', expect: 'any', events: [event] }], keys: [] }])
  }
  const listening = `from pg_stat_activity where datname = current_database() and query like '%listen "%' and pid <> pg_backend_pid()`
  await eventually('it listens', async () => (await place.sql.unsafe(`select ${listening}`)).length > 0)
  await say('before')
  await store.announce((await store.head())!)
  await arena.caughtUpOnce()
  await place.sql.unsafe(`select pg_terminate_backend(pid) ${listening}`)
  await say('after')
  const stuck = await isStuck(arena, withinMs)
  await store.close()
  return stuck
}

/** Whether what is in the log by now is not followed within a time. */
async function isStuck(arena: Arena, withinMs: number): Promise<boolean> {
  return arena.caughtUpOnce(withinMs).then(
    () => false,
    () => true,
  )
}

/** A database that is reached through a proxy, and given up soon. */
function throughProxy(place: PostgresPlace, proxy: FaultProxy) {
  return { kind: 'postgres', url: proxy.url(place.url), schema: SCHEMA, deadlineMs: DEADLINE_MS } as const
}

/** One node whose pages are written, now and then without its being told. */
async function losePages(random: Random, how: Exclude<Verdict, 'forward'>, losses: number, plant: LeasePlant | null) {
  const place = await onPostgres()
  using proxy = startRaceProxy(place)
  const loss = pageLoss(proxy)
  await using arena = new Arena(place, random, { plant, database: throughProxy(place, proxy) })
  const [node] = await arena.start(1)
  node!.load(CALLERS)
  arena.watch()
  const hasShown = () => plant !== null && arena.shows(/^sql_report_v1 .* has/)
  for (let i = 1; i <= losses && !hasShown(); i++) {
    loss.next(how)
    await eventually('a reply is lost', () => loss.lost() === i)
    await arena.grows(random.below(EVENTS_BETWEEN_MAX))
  }
  return { hasShown: hasShown(), wrong: plant === null ? await arena.settle() : [], lost: loss.lost() }
}

/** Waits until one process owns every subscription. */
async function awaitOwner({ sql }: PostgresPlace, pid: number): Promise<void> {
  await eventually(`${pid} owns everything`, async () => {
    const rows = await sql.unsafe<{ name: string }[]>(
      `select name from ${SCHEMA}.leases where owner like '${pid}.%' and until > clock_timestamp()`,
    )
    // Who sends what is scheduled is another matter.
    const names = new Set(rows.map(({ name }) => name))
    return TABLES.every(name => names.has(name))
  })
}

/** Ends sessions of whoever it is but ourselves, one after the other, and each fifth time one that listens; gives how many. */
async function endSessions(arena: Arena, { sql }: PostgresPlace, random: Random, many: number): Promise<number> {
  let ended = 0
  for (let i = 0; i < many; i++) {
    const found = await sql<{ pid: number; listens: boolean }[]>`
      select pid, query like '%listen "%' as listens from pg_stat_activity where datname = current_database()
      and application_name <> 'the looker' and pid <> pg_backend_pid() order by pid`
    const meant = i % 5 === 0 && found.some(({ listens }) => listens) ? found.filter(({ listens }) => listens) : found
    if (meant.length) await sql`select pg_terminate_backend(${random.pick(meant).pid})`
    ended += Number(meant.length > 0)
    await arena.grows(random.below(EVENTS_BETWEEN_MAX))
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
