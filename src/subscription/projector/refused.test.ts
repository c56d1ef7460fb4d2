// Rows that can never be written: their keys are parked at the event from which they cannot, and the others go on.
import { afterEach, describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { decider } from '../../definitions/decider/decider.ts'
import { events } from '../../definitions/event/events.ts'
import { processManager } from '../../definitions/process/process.ts'
import { after } from '../../definitions/process/timer.ts'
import { projection } from '../../definitions/projection/projection.ts'
import { PageRefused } from '../../ports/read-model/page-refused.ts'
import type { NewPage } from '../../ports/read-model/progress.ts'
import type { Notice } from '../../ports/report/notice.ts'
import { memory } from '../../ports/store/memory.ts'
import type { Store } from '../../ports/store/store.ts'
import { type Runtime, runtime } from '../../runtime.ts'
import { cleanUp } from '../../test-support/cleanup.ts'
import { until } from '../../test-support/servers/until.ts'
import { appendTally, foldLog, replaceReadModel, rowsOf, startProcess } from '../../test-support/tally.ts'
import { untilProcessed } from '../../test-support/until-processed.ts'

const running: Runtime[] = []
afterEach(async () => {
  await cleanUp()
  for (const one of running.splice(0)) await one.close()
})

/** A store that refuses some pages for ever, and counts what it is asked to write. */
function refusingStore(isRefused: (page: NewPage) => boolean) {
  const store = memory()
  const asked = { trials: 0, commits: 0 }
  const commit = async (page: NewPage) => {
    asked[page.isTrial ? 'trials' : 'commits']++
    if (isRefused(page)) throw new PageRefused('the database refused a value', { cause: new Error('value out of range') })
    return store.readModel.commit(page)
  }
  return { store: replaceReadModel(store, { commit }), asked }
}

describe('a row that can never be written', () => {
  test('a row that can never be written parks its key at the event that made it so, and all others are durable', async () => {
    const { store, asked } = refusingStore(({ rows }) => rows.some(({ key, position }) => key === 'k7' && position >= 9))
    for (let i = 0; i < 30; i++) await appendTally(store, { to: [`k${i % 10}`], n: 1 }, { to: ['k7'], n: 1 })
    const { subscriptions, reported } = await startProcess(store)
    await untilProcessed(subscriptions, 60)
    const { rows } = await rowsOf(store)
    const { k7, ...others } = await foldLog(store, 60)
    expect(rows).toEqual({ ...others, k7: { sum: 4, seen: k7!.seen.filter(position => position < 9) } })
    expect(await store.readModel.parked()).toMatchObject([
      { name: 'sums_v1', kind: 'key', key: 'k7', position: 10, cause: 'Error: value out of range' },
    ])
    expect(reported).toMatchObject([{ code: 'key-parked', fields: { subscription: 'sums_v1', key: 'k7', position: 10 } }])
    // One page is halved down to a row of ten, and that row's events are tried one by one.
    expect(asked.trials).toBeLessThan(20)
  })

  test('a row that is refused again where it is unparked is parked again, and folded whole once it is taken', async () => {
    let isMended = false
    const { store } = refusingStore(({ rows }) => !isMended && rows.some(({ key, data }) => key === 'a' && data !== null))
    const { subscriptions } = await startProcess(store)
    await appendTally(store, { to: ['a', 'b'], n: 1 }, { to: ['a', 'b'], n: 2 })
    await untilProcessed(subscriptions, 2)
    expect(await rowsOf(store)).toMatchObject({ rows: { b: { sum: 3 } }, position: 2 })
    await store.readModel.unpark('sums_v1', 'a')
    await until('it was refused again', async () => (await store.readModel.parked())[0]?.again === null)
    isMended = true
    await store.readModel.unpark('sums_v1', 'a')
    await until('nothing is parked', async () => (await store.readModel.parked()).length === 0)
    expect((await rowsOf(store)).rows).toEqual(await foldLog(store, 2))
  })
})

const Thing = events('thing', { Named: z.object({ name: z.string() }) })
const thing = decider(Thing, {
  initial: {},
  evolve: { Named: state => state },
  commands: { name: z.object({ name: z.string() }) },
  decide: { name: (_, data) => Thing.Named(data) },
})

async function start(serve: Parameters<typeof runtime>[0]['serve'], store: Store = memory()) {
  const reported: unknown[] = []
  const emaki = await runtime({ serve, store, report: problem => reported.push(problem) })
  running.push(emaki)
  return { emaki, codes: () => reported.map(problem => (problem as Notice).code) }
}

test('an indexed text that is too long for an index parks its key on every store, and the other keys go on', async () => {
  const names = projection('names', {
    from: Thing,
    row: z.object({ name: z.string() }),
    initial: { name: '' },
    indexes: ['name'],
    evolve: { Named: (_, { name }) => ({ name }) },
  })
  const { emaki } = await start([thing, names])
  await emaki.send(thing.name('a', { name: 'x'.repeat(3_000) }))
  await emaki.send(thing.name('b', { name: 'short' }))
  await untilProcessed(emaki, 2)
  expect(await emaki.row(names, 'b')).toEqual({ key: 'b', name: 'short' })
  expect(await emaki.store.readModel.parked()).toMatchObject([
    {
      key: 'a',
      position: 1,
      cause: 'PageRefused: names_v1: name of the row a is too long for its index, which takes 2600 bytes',
    },
  ])
})

test('a timer beyond the year 9999 parks its instance with the cause, and the other instances go on', async () => {
  const naming = processManager('naming', {
    from: Thing,
    to: thing,
    begins: 'Named',
    initial: {},
    evolve: {},
    react: { Named: (_, { name }) => after(name as '1 day', 'later') },
    on: { rejected: () => [] },
  })
  const { emaki, codes } = await start([thing, naming])
  await emaki.send(thing.name('a', { name: '99999999999 days' }))
  await emaki.send(thing.name('b', { name: '1 day' }))
  await untilProcessed(emaki, 2)
  expect((await emaki.store.agenda.list({ limit: 10 })).map(({ key }) => key)).toEqual(['b'])
  expect(await emaki.store.readModel.parked()).toMatchObject([
    { name: 'process_naming', key: 'a', position: 1, cause: expect.stringContaining('in the year 9999 at the latest') },
  ])
  expect(codes()).toEqual(['key-parked'])
})

test('an entry that the agenda refuses parks the instance that made it, and the entries of the others are sent', async () => {
  const { store } = refusingStore(({ agenda }) => agenda?.add.some(({ key }) => key === 'a') ?? false)
  const echo = processManager('echo', {
    from: Thing,
    to: thing,
    begins: 'Named',
    initial: {},
    evolve: {},
    react: { Named: (_, { name }) => (name === 'first' ? thing.name('echo', { name: 'second' }) : []) },
    on: { rejected: () => [] },
  })
  const { emaki } = await start([thing, echo], store)
  await emaki.send(thing.name('a', { name: 'first' }))
  await emaki.send(thing.name('b', { name: 'first' }))
  await until('b is echoed', async () => (await emaki.store.head()) === 3)
  expect(await emaki.store.readModel.parked()).toMatchObject([{ name: 'process_echo', key: 'a', position: 1 }])
})
