// What is done to nodes that run a process, by name. Each begins with a place of its own and ends at rest, with what was wrong.
import type { Outcome } from '../../dispatch/outcome.ts'
import { eventually } from '../../adapters/postgres/races/patience.ts'
import { startRaceProxy, replyLoss } from '../../adapters/postgres/races/race-proxy.ts'
import type { Random } from '../../adapters/postgres/races/random.ts'
import { startWriter } from '../../adapters/postgres/races/writers.ts'
import { postgres } from '../../adapters/postgres/store.ts'
import { runtime } from '../../runtime.ts'
import type { Node } from '../../subscription/races/nodes.ts'
import { pageLoss } from '../../subscription/races/page-loss.ts'
import { type PostgresPlace, SCHEMA } from '../../subscription/races/places.ts'
import type { Stop } from '../../subscription/races/watched.ts'
import type { FaultProxy, Inspect } from '../../test-support/servers/proxy.ts'
import { startPostgres } from '../../test-support/servers/postgres.ts'
import { Arena, type ArenaOptions, COURIER, type Verdict } from './arena.ts'
import { asking } from './domain.ts'

/** `times`: how often the fault is made. */
export type Fault = { readonly times: number; readonly run: (random: Random, times: number) => Promise<Verdict> }

/** How many effects come between two faults, at most: as many on a slow machine as on a fast one. */
const EFFECTS_BETWEEN_MAX = 60
const HOUR_MS = 3_600_000
const DEADLINE_MS = 1_000
/** No lease of these nodes holds longer by the clock of the database, whatever their own clocks say. */
const LEASE_HOLDS_MAX_MS = 4_000

export const faults: Readonly<Record<string, Fault>> = {
  'an app that is killed': { times: 5, run: (random, times) => killNodes(random, times) },
  'a killed PostgreSQL': { times: 2, run: (random, times) => killServer(random, times, false) },
  'both killed': { times: 1, run: (random, times) => killServer(random, times, true) },
  'a lost reply': { times: 8, run: loseReplies },
  'connections cut at any byte': { times: 12, run: cutConnections },
  'a zombie': { times: 5, run: (random, times) => stopOwners(random, times) },
  'a fight for leases': { times: 6, run: pauseOwners },
  'one killed, one stopped, one cut off': { times: 1, run: failAllAtOnce },
  'clocks an hour apart': { times: 2, run: (random, times) => shiftClocks(random, times) },
  'one command many times': { times: 6, run: (random, times) => repeatCommands(random, times) },
  'an orderly end under load': { times: 3, run: (random, times) => terminateOwners(random, times) },
  'appends that are rolled back': { times: 3, run: (random, times) => rollBackAppends(random, times) },
}

/** What has fewer facts to check was no race. */
const CHECKS_MIN = 100

/** A fault, made so often: what it could not come to an end by is wrong, too. */
export async function judgeFault({ times, run }: Fault, random: Random, many: number = times): Promise<Verdict> {
  try {
    const { wrong, checks } = await run(random, many)
    const few = checks >= CHECKS_MIN ? [] : [`${checks} facts were checked, and ${CHECKS_MIN} at least are wanted`]
    return { wrong: [...wrong, ...few], checks }
  } catch (error) {
    return { wrong: [String(error)], checks: 0 }
  }
}

/** Nodes that end at any moment. */
export async function killNodes(random: Random, times: number, options: ArenaOptions = {}): Promise<Verdict> {
  await using arena = await Arena.open(random, options)
  await arena.start(2)
  for (let i = 0; i < times; i++) {
    await arena.movesOn(random.below(EFFECTS_BETWEEN_MAX))
    await (random.chance(0.7) ? await arena.owner() : random.pick(arena.nodes)).kill()
  }
  await arena.ready()
  return await arena.settle()
}

export async function killServer(random: Random, times: number, both: boolean, options: ArenaOptions = {}): Promise<Verdict> {
  await using server = await startPostgres()
  await using arena = await Arena.open(random, options, server)
  await arena.start(2)
  for (let i = 0; i < times; i++) {
    await arena.movesOn(random.below(EFFECTS_BETWEEN_MAX))
    const owner = both ? await arena.owner() : null
    await Promise.all([server.kill('SIGKILL'), owner?.kill()])
    const restarted = server.restart()
    // While it recovers.
    if (both) await random.pick(arena.nodes).kill()
    await restarted
    await arena.movesOn()
  }
  await arena.ready()
  return await arena.settle()
}

/** Replies to pages that are written, and to appends, are lost in turn, with the connection or alone. */
async function loseReplies(random: Random, times: number): Promise<Verdict> {
  await using arena = await Arena.open(random)
  using proxy = startRaceProxy(arena.place)
  const losses = combineLosses(proxy, [pageLoss, replyLoss])
  await arena.start(1, { database: throughProxy(arena.place, proxy) })
  for (const loss of losses) {
    for (let i = 1; i <= Math.ceil(times / 2); i++) {
      loss.next(i % 4 === 0 ? 'drop' : 'cut')
      await eventually('a reply is lost', () => loss.lost() === i)
      await arena.movesOn(random.below(EFFECTS_BETWEEN_MAX))
    }
  }
  return await arena.settle()
}

type Loss = { readonly next: (how: 'cut' | 'drop') => void; readonly lost: () => number }

/** Several losses on one proxy, from before its first connection: a statement is named only where it is prepared. */
function combineLosses(proxy: FaultProxy, kinds: readonly ((proxy: FaultProxy) => Loss)[]): readonly Loss[] {
  const inspects: { readonly client: Inspect[]; readonly server: Inspect[] } = { client: [], server: [] }
  const collecting = {
    ...proxy,
    onClientData: (inspect: Inspect) => void inspects.client.push(inspect),
    onServerData: (inspect: Inspect) => void inspects.server.push(inspect),
  } as FaultProxy
  const losses = kinds.map(kind => kind(collecting))
  const judgeFault =
    (all: readonly Inspect[]): Inspect =>
    (bytes, connection) =>
      all.map(inspect => inspect(bytes, connection)).find(verdict => verdict !== 'forward') ?? 'forward'
  proxy.onClientData(judgeFault(inspects.client))
  proxy.onServerData(judgeFault(inspects.server))
  return losses
}

async function cutConnections(random: Random, times: number): Promise<Verdict> {
  await using arena = await Arena.open(random)
  using proxy = startRaceProxy(arena.place)
  await arena.start(1, { database: throughProxy(arena.place, proxy) })
  for (let i = 0; i < times; i++) {
    proxy.cutAfterBytes(random.below(6_000), random.pick(['toServer', 'toClient']))
    await arena.movesOn(random.below(EFFECTS_BETWEEN_MAX))
  }
  return await arena.settle()
}

/** Where the node that runs the process is stopped: in a page, when it renews its lease, while it sends, and before it forgets. */
const STOPS: readonly Stop[] = [
  { at: 'before the commit', name: COURIER },
  { at: 'while it commits', name: COURIER },
  { at: 'at the renewal', name: COURIER },
  { at: 'while it sends', name: 'log' },
  { at: 'before it forgets', name: 'agenda' },
]

/** Nodes that are stopped in the middle, and go on after another has taken over. */
export async function stopOwners(
  random: Random,
  times: number,
  options: ArenaOptions = {},
  stops: readonly Stop[] = STOPS,
): Promise<Verdict> {
  await using arena = await Arena.open(random, options)
  await arena.start(2)
  await arena.movesOn()
  const shift = random.below(stops.length)
  for (let i = 0; i < times; i++) {
    const [owner, stop] = [await arena.owner(), stops[(i + shift) % stops.length]!]
    await stopUntilTakenOver(arena, owner, stop)
    owner.signal('SIGCONT')
    await arena.movesOn(random.below(EFFECTS_BETWEEN_MAX))
  }
  const { wrong, checks } = options.plant === undefined ? await arena.settle() : await arena.judge()
  return { wrong, checks: checks + times }
}

/** Stops the owner at a point, and waits until another has taken over. */
async function stopUntilTakenOver(arena: Arena, owner: Node, stop: Stop): Promise<void> {
  const before = owner.stopped
  owner.stop(stop)
  await eventually(`it has stopped ${stop.at}`, () => owner.stopped > before)
  return arena.awaitTakeover(await arena.readLease())
}

/** Nodes that pause for random times, some of them until another has taken over. */
async function pauseOwners(random: Random, times: number): Promise<Verdict> {
  await using arena = await Arena.open(random)
  await arena.start(3)
  await arena.movesOn()
  for (let i = 0; i < times; i++) {
    const owner = await arena.owner()
    const other = random.pick(arena.nodes.filter(node => node !== owner))
    const lease = await arena.readLease()
    owner.signal('SIGSTOP')
    if (random.chance(0.5)) other.signal('SIGSTOP')
    if (random.chance(0.5)) await arena.awaitTakeover(lease)
    else await Bun.sleep(random.below(PAUSE_MAX_MS))
    for (const node of random.shuffle([owner, other])) node.signal('SIGCONT')
    await arena.movesOn(random.below(EFFECTS_BETWEEN_MAX))
  }
  return await arena.settle()
}
const PAUSE_MAX_MS = 1_600

/** Of three nodes one is killed, one is stopped, and one loses its network; whoever is left takes over. Then they are back. */
async function failAllAtOnce(random: Random, times: number): Promise<Verdict> {
  await using arena = await Arena.open(random)
  using proxy = startRaceProxy(arena.place)
  const [cutOff] = await arena.start(1, { database: throughProxy(arena.place, proxy) })
  await arena.start(2)
  await arena.movesOn()
  for (let i = 0; i < times; i++) {
    const [killed, stopped] = random.shuffle(arena.nodes.filter(node => node !== cutOff))
    const lease = await arena.readLease()
    const isCutOffOwner = lease.owner.startsWith(`${cutOff!.pid}.`)
    proxy.swallow(true, random.pick(['toServer', 'toClient', undefined]))
    if (isCutOffOwner) await arena.awaitTakeover(lease)
    const next = await arena.readLease()
    stopped!.signal('SIGSTOP')
    if (next.owner.startsWith(`${stopped!.pid}.`)) await arena.awaitTakeover(next)
    // Nobody is left; the supervisor starts one anew, which takes over from itself.
    await killed!.kill()
    await arena.movesOn()
    proxy.swallow(false)
    stopped!.signal('SIGCONT')
    await arena.movesOn(EFFECTS_BETWEEN_MAX)
  }
  return await arena.settle()
}

/** Nodes whose clocks are an hour ahead and an hour behind take over from each other: leases and timers go by the database's. */
export async function shiftClocks(random: Random, times: number, options: ArenaOptions = {}): Promise<Verdict> {
  await using arena = await Arena.open(random, options)
  await arena.start(1, { aheadMs: HOUR_MS })
  await arena.start(1, { aheadMs: -HOUR_MS })
  const wrong: string[] = []
  for (let i = 0; i < times && options.plant === undefined; i++) {
    await arena.movesOn(EFFECTS_BETWEEN_MAX)
    const [owner, lease] = [await arena.owner(), await arena.readLease()]
    if (lease.forMs > LEASE_HOLDS_MAX_MS) wrong.push(`the lease of ${owner.name} holds for ${Math.round(lease.forMs)} ms yet`)
    owner.signal('SIGSTOP')
    await arena.awaitTakeover(lease)
    owner.signal('SIGCONT')
  }
  await arena.movesOn(EFFECTS_BETWEEN_MAX)
  const found = options.plant === undefined ? await arena.settle() : await arena.judge()
  return { wrong: [...wrong, ...found.wrong], checks: found.checks + times }
}

/**
 * One command, 2 to 50 times at once on two nodes, and again on one that has just begun: one effect, and one answer for all. `keyed` false:
 * those who send it again do not say that it is the same.
 */
export async function repeatCommands(random: Random, times: number, keyed = true): Promise<Verdict> {
  await using arena = await Arena.open(random)
  const [node] = await arena.start(1)
  const open = () =>
    runtime({ serve: [asking], store: postgres(arena.place.url, { schema: SCHEMA, migrate: false, pooler: false }) })
  const near = await Promise.all([open(), open()])
  const said: { readonly token: string; readonly answers: readonly Outcome[] }[] = []
  for (let i = 0; i < times; i++) {
    const many = 2 + random.below(49)
    const token = `same ${i}`
    const send = (on: (typeof near)[number]) => on.send(asking.ask('same', { token }), keyed ? { key: `same ${i}` } : {})
    const answers = await Promise.all(Array.from({ length: many }, (_, k) => send(near[k % near.length]!)))
    if (i % 2 === 1) {
      await near[0]!.close()
      near[0] = await open()
    }
    said.push({ token, answers: [...answers, await send(near[0]!)] })
  }
  await Promise.all(near.map(one => one.close()))
  await node!.rest()
  const wrong = await Promise.all(said.map(async ({ token, answers }) => ofSame(arena, token, answers)))
  // These were said untold.
  const { checks, wrong: others } = await arena.settle()
  return {
    wrong: [...wrong.flat(), ...others.filter(sentence => !sentence.startsWith('nobody appended same '))],
    checks: checks + times,
  }
}

async function ofSame({ place: { sql } }: Arena, token: string, answers: readonly Outcome[]): Promise<readonly string[]> {
  const effects = await sql.unsafe(`select from ${SCHEMA}.events where stream = 'asking-same' and data like '%"${token}"%'`)
  const answersSeen = new Set(answers.map(answer => JSON.stringify(withoutReplay(answer))))
  return [
    ...(effects.length === 1 ? [] : [`${token} is there ${effects.length} times`]),
    ...(answersSeen.size === 1
      ? []
      : [`${token} was answered in ${answersSeen.size} ways: ${[...answersSeen].slice(0, 2).join(' and ')}`]),
  ]
}

/** Whether it was known already is what answers may differ in. */
function withoutReplay(answer: Outcome): object {
  if (answer.outcome !== 'accepted') return answer
  const { version, position, events } = answer
  return { version, position, events: events.map(({ type, data }) => ({ type, data })) }
}

/** SIGTERM in the middle of what a node does: it ends by itself, keeps nothing, and what it has not sent another sends. */
export async function terminateOwners(random: Random, times: number, options: ArenaOptions = {}): Promise<Verdict> {
  await using arena = await Arena.open(random, options)
  await arena.start(2)
  const wrong: string[] = []
  for (let i = 0; i < times; i++) {
    await arena.movesOn(random.below(EFFECTS_BETWEEN_MAX))
    const owner = await arena.owner()
    const [pid, life] = [owner.pid, owner.lives]
    let code: number | null = null
    void owner.terminate().then(ended => {
      code = ended
    })
    await eventually(`${owner.name} ends`, () => code !== null)
    const lease = await arena.readLease()
    if (lease.forMs > 0 && lease.owner.startsWith(`${pid}.`)) wrong.push(`${owner.name} kept its lease`)
    const open = owner.attempts.filter(({ who, outcome }) => who === `${owner.name}.${life}` && outcome === 'open')
    if (open.length) wrong.push(`${owner.name} left ${open.length} commands without an answer`)
    if (code !== 0) wrong.push(`${owner.name} ended with ${code}: ${owner.errors}`)
  }
  await arena.ready()
  const { wrong: others, checks } = await arena.settle()
  return { wrong: [...wrong, ...others], checks: checks + times }
}

/** Appends of others that fail half of the time, their positions drawn: the gaps that they leave hold up nothing and hide nothing. */
export async function rollBackAppends(random: Random, times: number, options: ArenaOptions = {}): Promise<Verdict> {
  await using arena = await Arena.open(random, options)
  await arena.start(2)
  const writer = startWriter({
    ...{ kind: 'append', who: 'w', url: arena.place.url, schema: SCHEMA, mortal: true, seed: `${random.below(1_000_000)}` },
    ...{ units: 1_000_000_000, callers: 4, stores: 1, paceMs: 100, spoils: 0.5 },
  })
  await writer.ready
  writer.go()
  for (let i = 0; i < times; i++) await arena.movesOn(EFFECTS_BETWEEN_MAX)
  const refused = (await writer.kill()).filter(({ outcome }) => outcome === 'refused').length
  const { wrong, checks } = await arena.settle()
  return { wrong: refused > 0 ? wrong : [...wrong, 'no append was rolled back'], checks: checks + refused }
}

/** A database that is reached through a proxy, and given up soon. */
function throughProxy({ url }: PostgresPlace, proxy: FaultProxy) {
  return { kind: 'postgres', url: proxy.url(url), schema: SCHEMA, deadlineMs: DEADLINE_MS } as const
}
