import { describe, expect } from 'bun:test'
import { form, race } from '../../postgres/races/form.ts'
import type { Random } from '../../postgres/races/random.ts'
import { until } from '../../testing/servers/until.ts'
import { Arena } from './arena.ts'
import type { Node } from './nodes.ts'
import { onPostgres, type PostgresPlace, SCHEMA } from './places.ts'
import type { LeasePlant, Point } from './watched.ts'

const POINTS: readonly Point[] = ['before the commit', 'while it commits', 'in the transaction', 'at the renewal']
const TABLES = ['counts_v1', 'tags_v1', 'open_v1'] as const
const TAKEN_OVER_MAX_MS = 5_000
const CALLERS = 4

type Held = { readonly owner: string | null; readonly epoch: number; readonly position: number }

describe('a node that is stopped in the middle of a page, and goes on after another has taken over', () => {
  race('has its write refused, wherever it was stopped', async random => {
    await using at = await two(random)
    for (let round = 0; round < form(6, 300); round++) {
      const point = POINTS[round % POINTS.length]!
      const name = point === 'in the transaction' ? 'sql_report_v1' : random.pick(TABLES)
      await (point === 'before the commit' ? overlapping(at, name) : stopped(at, point, name))
    }
    expect(await at.arena.settle()).toEqual([])
    const refused = at.arena.nodes.flatMap(({ leases }) => leases).filter(one => one.did === 'commit' && one.kept === false)
    expect(refused.length).toBeGreaterThan(0)
  })

  for (const [plant, shown] of [
    ['no fence', /was written though|and the log gives/],
    ['fenced by position', /was written though/],
  ] as const) {
    race(`shows the planted bug: ${plant}`, async random => {
      await using at = await two(random, plant)
      for (let round = 0; round < 2; round++) await overlapping(at, random.pick(TABLES))
      expect((await at.arena.settle()).some(sentence => shown.test(sentence))).toBeTrue()
    })
  }
})

describe('three nodes that pause at random for up to twice the time of a lease', () => {
  race('never write one page twice, and take over from each other in time', async random => {
    const { wrong, takenOver } = await paused(random, form(8, 1_000), null)
    expect(wrong).toEqual([])
    expect(takenOver).toBeGreaterThan(0)
  })

  race('show the planted bug: no fence', async random => {
    const shows = async () =>
      (await paused(random, 8, 'no fence')).wrong.some(sentence => /times from|was written though/.test(sentence))
    expect((await shows()) || (await shows()) || (await shows())).toBeTrue()
  })
})

type Two = { readonly arena: Arena; readonly place: PostgresPlace; readonly [Symbol.asyncDispose]: () => Promise<void> }

async function two(random: Random, plant: LeasePlant | null = null): Promise<Two> {
  const place = await onPostgres()
  const arena = new Arena(place, random, { plant })
  for (const node of await arena.start(2)) node.load(CALLERS)
  arena.watch()
  return { arena, place, [Symbol.asyncDispose]: () => arena[Symbol.asyncDispose]() }
}

/** Stops the owner at a point until another has taken over and come further. */
async function stopped({ arena, place }: Two, point: Point, name: string): Promise<void> {
  const { owner, held } = await ownerOf(arena, place, name)
  const before = owner.stopped
  owner.stop({ at: point, name })
  await until(`${owner.name} stops ${point} of ${name}`, () => owner.stopped > before, TAKEN_OVER_MAX_MS)
  await takenOver(place, name, held)
  owner.signal('SIGCONT')
  await answersAgain(owner)
}

/** The same, but whoever takes over is stopped before its first page, so that the one before finds the checkpoint where it left it. */
async function overlapping({ arena, place }: Two, name: string): Promise<void> {
  const { owner, held } = await ownerOf(arena, place, name)
  const successor = arena.nodes.find(node => node !== owner)!
  const before = [owner.stopped, successor.stopped]
  const said = owner.leases.length
  successor.stop({ at: 'before the commit', name })
  owner.stop({ at: 'before the commit', name })
  await until('both have stopped', () => owner.stopped > before[0]! && successor.stopped > before[1]!, TAKEN_OVER_MAX_MS)
  owner.signal('SIGCONT')
  await until(
    'the first was told what became of its page',
    () => owner.leases.slice(said).some(one => one.did === 'commit' && one.name === name && one.epoch === held.epoch),
    TAKEN_OVER_MAX_MS,
  )
  successor.signal('SIGCONT')
  await answersAgain(successor)
}

/** Stops nodes at random for random times; the longest until a lease was taken over, of those that had to be. */
async function paused(
  random: Random,
  rounds: number,
  plant: LeasePlant | null,
): Promise<{ wrong: readonly string[]; takenOver: number }> {
  const place = await onPostgres()
  await using arena = new Arena(place, random, { plant })
  const nodes = await arena.start(3)
  for (const node of nodes) node.load(CALLERS)
  arena.watch()
  let count = 0
  for (let round = 0; round < rounds; round++) {
    const name = random.pick([...TABLES, 'effects', 'sql_report_v1'])
    const { owner, held } = await ownerOf(arena, place, name)
    owner.signal('SIGSTOP')
    if (random.chance(0.4)) {
      await takenOver(place, name, held)
      count++
    } else await Bun.sleep(random.below(2 * LEASE))
    owner.signal('SIGCONT')
    await Bun.sleep(random.below(100))
  }
  return { wrong: await arena.settle(), takenOver: count }
}
const LEASE = 600

async function ownerOf(arena: Arena, place: PostgresPlace, name: string): Promise<{ readonly owner: Node; readonly held: Held }> {
  let found: { owner: Node; held: Held } | undefined
  await until(
    `${name} has an owner`,
    async () => {
      const held = await leaseOf(place, name)
      const owner = arena.nodes.find(({ pid }) => held?.owner?.startsWith(`${pid}.`))
      if (held && owner) found = { owner, held }
      return found !== undefined
    },
    TAKEN_OVER_MAX_MS,
  )
  return found!
}

/** Another has it, and has come further. */
async function takenOver(place: PostgresPlace, name: string, before: Held): Promise<void> {
  await until(
    `${name} is taken over`,
    async () => {
      const held = await leaseOf(place, name)
      return held !== null && held.epoch > before.epoch && held.position > before.position
    },
    TAKEN_OVER_MAX_MS,
  )
}

async function leaseOf({ sql }: PostgresPlace, name: string): Promise<Held | null> {
  const [found] = await sql.unsafe<Held[]>(
    `select l.owner, l.epoch::float8 as epoch, c.position::float8 as position from ${SCHEMA}.leases l
     join ${SCHEMA}.checkpoints c using (name) where name = '${name}' and l.until > clock_timestamp()`,
  )
  return found ?? null
}

async function answersAgain(node: Node): Promise<void> {
  expect(await node.answers(TAKEN_OVER_MAX_MS)).toBeTrue()
}
