// What is bounded stays bounded while a process runs: how long anybody waits for a connection, and how much is kept in memory.
import { heapStats } from 'bun:jsc'
import { describe, expect } from 'bun:test'
import { z } from 'zod'
import { decider } from '../../definitions/decider/decider.ts'
import type { Outcome } from '../../dispatch/outcome.ts'
import { events } from '../../definitions/event/events.ts'
import { eventually } from '../../adapters/postgres/races/patience.ts'
import { race } from '../../adapters/postgres/races/form.ts'
import { postgres } from '../../adapters/postgres/store.ts'
import { runtime } from '../../runtime.ts'
import { onPostgres, SCHEMA } from '../../subscription/races/places.ts'
import { holdLock } from '../../test-support/hold-lock.ts'
import { HANG_MS } from '../../test-support/servers/until.ts'
import { untilProcessed } from '../../test-support/until-processed.ts'
import { COURIER } from './arena.ts'
import { asking, served } from './domain.ts'

const REQUESTS = 500
const READERS = 2
const DEADLINE_MS = 1_000
/** A read that waits for a connection, and then for its answer, and a command behind it: who has no answer by then waits for ever. */
const WAIT_MAX_MS = 6 * DEADLINE_MS

describe('connections that are used up', () => {
  race('used up connections fail the waiting calls in time, and nothing is lost or doubled afterwards', async () => {
    expect(await useUpConnections(DEADLINE_MS, HANG_MS)).toEqual([])
  })
  race('used up connections show the planted bug: a caller that waits for ever', async () => {
    expect(await useUpConnections(60_000, WAIT_MAX_MS)).toContainEqual(expect.stringContaining('had no answer'))
  })
})

/** Has every statement wait while many ask. Gives what was wrong. */
async function useUpConnections(deadlineMs: number, waitMaxMs: number): Promise<readonly string[]> {
  const place = await onPostgres()
  const store = postgres(place.url, {
    migrate: false,
    pooler: false,
    readers: READERS,
    deadlineMs,
    lockTimeoutMs: deadlineMs / 2,
  })
  const emaki = await runtime({ serve: served, store, report: () => {} })
  const ask = (nth: number) => emaki.send(asking.ask(`a${nth % 12}`, { token: `${nth}` }), { key: `${nth}` })
  const release = await holdLock(place.sql, `lock table ${SCHEMA}.events in access exclusive mode`)
  const asked = Array.from({ length: REQUESTS }, (_, nth) => ask(nth))
  const read = Array.from({ length: REQUESTS }, () => store.head().catch(() => null))
  const late = Bun.sleep(waitMaxMs).then(() => 'late' as const)
  const answers = await Promise.all([...asked, ...read].map(one => Promise.race([one, late])))
  await release()
  const early = answers.slice(0, REQUESTS) as readonly (Outcome | 'late')[]
  const wrong = [
    ...(answers.includes('late') ? [`${answers.filter(one => one === 'late').length} had no answer in ${waitMaxMs} ms`] : []),
    ...(early.some(one => one !== 'late' && one.outcome === 'accepted')
      ? ['a command was accepted while nothing could be written']
      : []),
  ]
  await Promise.all([...asked, ...read])
  for (let nth = 0; nth < REQUESTS; nth++) await eventually('it is accepted', async () => (await ask(nth)).outcome === 'accepted')
  // An empty agenda says nothing of events that the process has not read yet.
  await untilProcessed(emaki, await store.head(), [COURIER])
  await eventually('the agenda is empty', async () => !(await emaki.store.agenda.count()).some(({ due }) => due > 0))
  const [found] = await place.sql.unsafe<{ asked: number; first: number; distinct: number }[]>(
    `select count(*) filter (where type = 'Asked')::int as asked, count(*) filter (where data like '%.first"%')::int as first,
      count(distinct data) filter (where data like '%.first"%')::int as distinct from ${SCHEMA}.events`,
  )
  const { asked: many, first, distinct } = found!
  if (many !== REQUESTS || first !== many || distinct !== many)
    wrong.push(`of ${REQUESTS} that were asked ${many} are in the log, counted ${first} times, of which ${distinct} differ`)
  await emaki.close()
  await place.close()
  return wrong
}

const Filled = z.object({ text: z.string() })
const Piles = events('pile', { Filled })
const pile = decider(Piles, {
  initial: '',
  evolve: { Filled: (_, { text }) => text },
  commands: { fill: Filled },
  decide: { fill: (_, data) => Piles.Filled(data) },
})

const PILES = 1_500
const TEXT = 16_384
const MIB = 1_048_576
/** How often so many more are filled, and a third of what they hold then, in MiB. */
const TIMES = 4
const GROWTH_MAX = (TIMES * PILES * TEXT) / MIB / 3

describe('states of more streams than fit', () => {
  race('states of more streams than fit let memory grow no further', async () => {
    expect(await measureGrowth(MIB)).toBeLessThan(GROWTH_MAX)
  })
  race('states of more streams than fit show the planted bug: states that are kept for ever', async () => {
    expect(await measureGrowth(1_024 * MIB)).toBeGreaterThan(GROWTH_MAX)
  })
})

/** How much memory grows, in MiB, while more and more piles are filled, once some have been and a process runs. */
async function measureGrowth(statesSize: number): Promise<number> {
  const place = await onPostgres()
  const store = postgres(place.url, { migrate: false, pooler: false })
  const emaki = await runtime({ serve: [pile, ...served], store, states: { size: statesSize } })
  const fill = async (from: number) => {
    for (let i = from; i < from + PILES; i += 100)
      await Promise.all(
        Array.from({ length: 100 }, (_, n) => emaki.send(pile.fill(`p${i + n}`, { text: `${i + n}`.padEnd(TEXT, 'x') }))),
      )
    await Bun.sleep(0)
    Bun.gc(true)
    const { heapSize, extraMemorySize } = heapStats()
    return (heapSize + extraMemorySize) / MIB
  }
  const before = await fill(0)
  let after = before
  for (let time = 1; time <= TIMES; time++) after = await fill(time * PILES)
  await emaki.close()
  await place.close()
  return after - before
}
