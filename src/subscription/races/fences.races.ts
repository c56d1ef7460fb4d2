import { describe, expect } from 'bun:test'
import { form, race } from '../../adapters/postgres/races/form.ts'
import type { Random } from '../../adapters/postgres/races/random.ts'
import { eventually } from '../../adapters/postgres/races/patience.ts'
import { startRaceProxy } from '../../adapters/postgres/races/race-proxy.ts'
import { Arena, SHORT_LEASE_MS } from './arena.ts'
import type { Node } from './nodes.ts'
import { onPostgres, type PostgresPlace, SCHEMA } from './places.ts'
import type { LeasePlant, Point } from './watched.ts'

const POINTS: readonly Point[] = ['before the commit', 'while it commits', 'in the transaction', 'at the renewal']
const TABLES = ['counts_v1', 'tags_v1', 'open_v1'] as const
const CALLERS = 4

type LeaseState = { readonly owner: string | null; readonly epoch: number; readonly position: number; readonly isHeld: boolean }

describe('a zombie: a node that is stopped in the middle of a page, and goes on after another has taken over', () => {
  race('a zombie has its write refused, wherever it was stopped', async random => {
    await using at = await openTwo(random)
    for (let round = 0; round < form(12, 300); round++) {
      const point = POINTS[round % POINTS.length]!
      const name = point === 'in the transaction' ? 'sql_report_v1' : random.pick(TABLES)
      await (point === 'before the commit' ? overlapOwners(at, name) : stopUntilTakenOver(at, point, name))
    }
    expect(await at.arena.settle()).toEqual([])
    const refused = at.arena.nodes.flatMap(({ leases }) => leases).filter(one => one.did === 'commit' && one.kept === false)
    expect(refused.length).toBeGreaterThan(0)
  })

  for (const [plant, shown] of [
    ['no fence', /was written though|and the log gives/],
    ['fenced by position', /was written though/],
  ] as const) {
    race(`a zombie shows the planted bug: ${plant}`, async random => {
      await using at = await openTwo(random, plant)
      for (let round = 0; round < ROUNDS_MAX && !at.arena.shows(shown); round++) await overlapOwners(at, random.pick(TABLES))
      expect(at.arena.shows(shown)).toBeTrue()
    })
  }
})

describe('a fight for leases: four nodes with a slow database pause at random for up to two leases', () => {
  race('a fight for leases of four nodes writes no page twice, and ends in takeovers', async random => {
    expect((await fightForLeases(random, form(8, 1_000), null)).wrong).toEqual([])
  })

  race('a fight for leases of four nodes shows the planted bug: no fence', async random => {
    expect((await fightForLeases(random, ROUNDS_MAX, 'no fence')).hasShown).toBeTrue()
  })
})
const SHOWN = /times from|was written though/
const FIGHT_LEASE_MS = 1_000
/** What each way to the database may cost, in ms. */
const WAY_MAX_MS = 400
/** A statement crosses several times. */
const DEADLINE_MS = 8_000
const ROUNDS_MAX = 40

type Two = { readonly arena: Arena; readonly place: PostgresPlace; readonly [Symbol.asyncDispose]: () => Promise<void> }

async function openTwo(random: Random, plant: LeasePlant | null = null): Promise<Two> {
  const place = await onPostgres()
  const arena = new Arena(place, random, { plant, leaseMs: SHORT_LEASE_MS })
  for (const node of await arena.start(2)) node.load(CALLERS)
  arena.watch()
  return { arena, place, [Symbol.asyncDispose]: () => arena[Symbol.asyncDispose]() }
}

/** Stops the owner at a point until another has taken over and come further. */
async function stopUntilTakenOver({ arena, place }: Two, point: Point, name: string): Promise<void> {
  const owner = await ownerOf(arena, place, name)
  const other = arena.nodes.find(node => node !== owner)!
  const before = owner.stopped
  owner.stop({ at: point, name })
  await eventually(`${owner.name} stops ${point} of ${name}`, async () => {
    if (owner.stopped > before) return true
    // On a busy machine it may have lost the lease before it came to that point: then it gets it back.
    if (isOf(await leaseOf(place, name), other)) other.signal('SIGSTOP')
    return false
  })
  const held = await leaseOf(place, name)
  other.signal('SIGCONT')
  await awaitTakeover(place, name, held)
  owner.signal('SIGCONT')
  await arena.movesOn()
}

/** The same, but whoever takes over is stopped before its first page, so that the one before finds the checkpoint where it left it. */
async function overlapOwners({ arena, place }: Two, name: string): Promise<void> {
  const before = arena.nodes.map(({ stopped: stopUntilTakenOver }) => stopUntilTakenOver)
  for (const node of arena.nodes) node.stop({ at: 'before the commit', name })
  await eventually('both have stopped', () => arena.nodes.every((node, i) => node.stopped > before[i]!))
  const { epoch, owner } = await leaseOf(place, name)
  const successor = arena.nodes.find(node => isOf({ owner }, node))!
  const first = arena.nodes.find(node => node !== successor)!
  const said = first.leases.length
  first.signal('SIGCONT')
  await eventually('the first was told what became of its page', () =>
    first.leases.slice(said).some(one => one.did === 'commit' && one.name === name && one.epoch < epoch),
  )
  successor.signal('SIGCONT')
  await arena.movesOn()
}

/** Stops owners at random for random times, some until another has taken over; what is wrong, and whether a plant has shown. */
async function fightForLeases(
  random: Random,
  rounds: number,
  plant: LeasePlant | null,
): Promise<{ wrong: readonly string[]; hasShown: boolean }> {
  const place = await onPostgres()
  await using ways = disposables(Array.from({ length: NODES }, () => startRaceProxy(place)))
  await using arena = new Arena(place, random, { plant, leaseMs: FIGHT_LEASE_MS })
  for (const way of ways.all)
    await arena.start(1, {
      database: { kind: 'postgres', url: way.url(place.url), schema: SCHEMA, deadlineMs: DEADLINE_MS },
    })
  for (const node of arena.nodes) node.load(CALLERS)
  arena.watch()
  const hasShown = () => plant !== null && arena.shows(SHOWN)
  for (let round = 0; round < rounds && !hasShown(); round++) {
    for (const way of ways.all)
      for (const direction of ['toServer', 'toClient'] as const) way.delay(random.below(WAY_MAX_MS), direction)
    const name = random.pick([...TABLES, 'effects', 'sql_report_v1'])
    const owner = await ownerOf(arena, place, name)
    const held = await leaseOf(place, name)
    owner.signal('SIGSTOP')
    if (random.chance(0.6)) await eventually(`${name} is taken over`, async () => (await leaseOf(place, name)).epoch > held.epoch)
    else await Bun.sleep(random.below(2 * FIGHT_LEASE_MS))
    owner.signal('SIGCONT')
    for (const way of ways.all) way.delay(0)
    if (!hasShown()) await arena.movesOn()
  }
  return { hasShown: hasShown(), wrong: plant === null ? await arena.settle() : [] }
}
const NODES = 4

function disposables<T extends Disposable>(all: readonly T[]): { readonly all: readonly T[] } & AsyncDisposable {
  return {
    all,
    [Symbol.asyncDispose]: async () => {
      for (const one of all) one[Symbol.dispose]()
    },
  }
}

/** Who owns a subscription, once somebody does. */
async function ownerOf(arena: Arena, place: PostgresPlace, name: string): Promise<Node> {
  let found: Node | undefined
  await eventually(`${name} has an owner`, async () => {
    const held = await leaseOf(place, name)
    found = held.isHeld ? arena.nodes.find(node => isOf(held, node)) : undefined
    return found !== undefined
  })
  return found!
}

function isOf({ owner }: Pick<LeaseState, 'owner'>, { pid }: Node): boolean {
  return owner?.startsWith(`${pid}.`) ?? false
}

/** Another has it, and has come further. */
async function awaitTakeover(place: PostgresPlace, name: string, before: LeaseState): Promise<void> {
  await eventually(`${name} is taken over`, async () => {
    const held = await leaseOf(place, name)
    return held.epoch > before.epoch && held.position > before.position
  })
}

/** The lease as the last to take it has left it; nobody has had it at first. */
async function leaseOf({ sql }: PostgresPlace, name: string): Promise<LeaseState> {
  const [found] = await sql.unsafe<LeaseState[]>(
    `select l.owner, l.epoch::float8 as epoch, c.position::float8 as position, l.until > clock_timestamp() as "isHeld"
     from ${SCHEMA}.leases l join ${SCHEMA}.checkpoints c using (name) where name = '${name}'`,
  )
  return found ?? { owner: null, epoch: 0, position: 0, isHeld: false }
}
