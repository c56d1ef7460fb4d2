import { afterEach, describe, expect, test } from 'bun:test'
import { Notice } from '../../ports/report/notice.ts'
import { brokenPromiseOf } from '../../ports/report/broken-promise.ts'
import { cleanUp } from '../../test-support/cleanup.ts'
import { seriesOf } from '../../test-support/series.ts'
import { inFile, inMemory, inSchema, type WatchedApp, watchedApp } from '../../test-support/watched-app.ts'
import { PromiseWatch } from './promise-watch.ts'

afterEach(cleanUp)

/** A pass over so short a log is one step for each of two projections, and each step reads all seals. */
const STEPS = 4

async function steps(watch: { readonly step: () => Promise<void> }, many = STEPS): Promise<void> {
  for (let i = 0; i < many; i++) await watch.step()
}

/** The promises that are broken as the store keeps them, each once. */
async function brokenIn({ store }: WatchedApp): Promise<readonly string[]> {
  return [...new Set((await store.promises.breaches()).map(({ promise }) => promise))].toSorted()
}

const STORES = [
  ['SQLite', inFile],
  ['PostgreSQL', inSchema],
] as const

const PLANTS: readonly (readonly [string, readonly string[], (of: string) => string])[] = [
  [
    'a row that somebody changed',
    ['rows'],
    of => `update ${of}rows_things_v1 set data = replace(data, '"top"', '"low"') where key = 't3'`,
  ],
  ['a row that somebody deleted', ['rows'], of => `delete from ${of}rows_shelves_v1 where key = 'top'`],
  ['an event whose data somebody changed', ['immutability'], of => `update ${of}events set data = replace(data, '"n5"', '"n6"')`],
  [
    'an event whose type somebody changed',
    ['immutability', 'rows'],
    of => `update ${of}events set type = 'Removed' where position = 45`,
  ],
  [
    'an event that somebody deleted',
    ['immutability', 'order', 'rows'],
    of => `delete from ${of}events where stream = 'thing-t5' and version = 2`,
  ],
  ['the last events, which somebody deleted', ['immutability', 'rows'], of => `delete from ${of}events where position > 45`],
  [
    'an event with the id of another one',
    ['immutability', 'once'],
    of => `update ${of}events set id = (select id from ${of}events where position = 3) where position = 8`,
  ],
]

describe.each(STORES)('promises on %s', (where, place) => {
  test.each(PLANTS)(`the watch of promises on ${where} finds %s within a few steps`, async (_, broken, plant) => {
    const app = await watchedApp(await place())
    const watch = app.watchAs('a')
    await app.fill(0, 50)
    await steps(watch)
    expect(await brokenIn(app)).toEqual([])
    await app.change(plant(app.of))
    await steps(watch)
    expect(await brokenIn(app)).toEqual(broken)
    expect(
      app.reported
        .map(brokenPromiseOf)
        .filter(one => one !== null)
        .toSorted(),
    ).toEqual((await app.store.promises.breaches()).map(({ promise }) => promise).toSorted())
  })

  test(`the watch of promises on ${where} finds a clock that went back, in what it reads for the first time`, async () => {
    const app = await watchedApp(await place())
    await app.fill(0, 50)
    const back = where === 'SQLite' ? 'at - 60000' : "at - interval '1 minute'"
    await app.change(`update ${app.of}events set at = ${back} where position = 20`)
    await steps(app.watchAs('a'), 1)
    expect(await app.store.promises.breaches()).toMatchObject([{ promise: 'clock', foundBy: 'a', at: 5 }])
  })

  test(`the watch of promises on ${where} notices between two stretches that a clock went back`, async () => {
    const app = await watchedApp(await place())
    const watch = app.watchAs('a')
    await app.fill(0, 1_000)
    await watch.step()
    await app.fill(1_000, 1_010)
    const back = where === 'SQLite' ? 'at - 60000' : "at - interval '1 minute'"
    await app.change(`update ${app.of}events set at = ${back} where position > 1000`)
    await watch.step()
    expect(await app.store.promises.breaches()).toMatchObject([{ promise: 'clock' }])
  })

  test(`one process of several checks on ${where}, and each reports what is kept, once until it is forgotten`, async () => {
    const app = await watchedApp(await place())
    await app.fill(0, 50)
    const [a, b] = [app.watchAs('a'), app.watchAs('b')]
    await a.step()
    await app.change(`update ${app.of}events set data = replace(data, '"n5"', '"n6"')`)
    await steps(b)
    expect(await brokenIn(app)).toEqual([])
    await a.step()
    const [kept] = await app.store.promises.breaches()
    expect(kept).toMatchObject({ promise: 'immutability', subject: 'events 1-50', foundBy: 'a' })
    for (const watch of [a, b, a, b]) await watch.step()
    const notices = app.reported.filter((one): one is Notice => one instanceof Notice && one.code === 'promise-broken')
    expect(notices.map(({ fields }) => fields['subject'])).toEqual(['events 1-50', 'events 1-50'])
    await app.store.promises.forgetBreaches()
    await app.store.promises.forgetSeals()
    await steps(a)
    expect(await brokenIn(app)).toEqual([])
    expect(a.counts().every(({ breaches }) => breaches === 0)).toBeTrue()
  })

  test(`positions that a restored log on ${where} uses anew break no promise`, async () => {
    const app = await watchedApp(await place())
    const watch = app.watchAs('a')
    await app.fill(0, 30)
    await steps(watch)
    await app.services.close()
    await app.store.open()
    await app.change(`delete from ${app.of}events where position > 20`)
    await app.store.beginEpoch()
    await watch.step()
    expect((await app.store.promises.lastSeal())?.until).toBe(20)
    expect((await app.store.promises.breaches()).filter(({ promise }) => promise !== 'rows')).toEqual([])
    await app.store.close()
  })
})

describe('a healthy log', () => {
  test.each([['memory', inMemory] as const, ...STORES])(
    'nothing is found on %s while all is well, whatever happens meanwhile',
    async (_, place) => {
      const app = await watchedApp(await place())
      const [a, b] = [app.watchAs('a'), app.watchAs('b')]
      for (let round = 0; round < 8; round++) {
        const filling = app.fill(round * 400, round * 400 + 400)
        // A process takes its steps one after the other.
        await Promise.all([round > 5 ? null : steps(a, 2), steps(b, 1)])
        if (round === 3) await app.services.reset('things')
        if (round === 5) await a.close()
        await filling
        await steps(round >= 5 ? b : a, 2)
      }
      expect(await app.store.promises.breaches()).toEqual([])
      expect((await app.store.promises.lastSeal())?.until).toBe(await app.store.head())
      expect(app.reported.filter(one => brokenPromiseOf(one) !== null)).toEqual([])
    },
    60_000,
  )

  test('a log that was there before is sealed back to its beginning, and a busy one from its newest events on', async () => {
    const app = await watchedApp(await inMemory())
    await app.fill(0, 9_500)
    const watch = app.watchAs('a')
    await watch.step()
    expect(await app.store.promises.sealFrom(0)).toMatchObject({ after: 5_500 })
    expect(await app.store.promises.lastSeal()).toMatchObject({ until: 9_500 })
    await steps(watch, 6)
    expect(await app.store.promises.sealFrom(0)).toMatchObject({ after: 0 })
  }, 60_000)
})

test('the metrics have every promise from the start, what is kept, and what a verb has found', async () => {
  const app = await watchedApp(await inMemory())
  const none = { order: 0, freshness: 0, clock: 0, immutability: 0, rows: 0, once: 0 }
  const { services } = app
  expect(await seriesOf(app.metrics, 'emaki.promise.broken')).toEqual(none)
  await app.store.promises.addBreach({
    promise: 'rows',
    subject: 'things_v1 a',
    message: 'It is wrong.',
    foundBy: 'audit',
    at: 1,
  })
  await services.promises.step()
  expect(await seriesOf(app.metrics, 'emaki.promise.broken')).toEqual({ ...none, rows: 1 })
  expect(app.reported).toMatchObject([{ level: 'error', code: 'promise-broken', fields: { promise: 'rows', foundBy: 'audit' } }])
})

test('breaches that cannot be read, while checks go on, are one episode, which ends when they can be', async () => {
  const { services, reported } = await watchedApp(await inMemory())
  const { promises } = services.store
  let isDown = true
  const breaches = () => (isDown ? Promise.reject(new Error('no answer')) : promises.breaches())
  const store = { ...services.store, promises: { ...promises, breaches } }
  const report = (problem: unknown) => void reported.push(problem)
  const watch = new PromiseWatch({ ...services, store, owner: 'a', serving: () => [], report, now: () => 5, random: () => 0 })
  await steps(watch, 3)
  isDown = false
  await steps(watch, 2)
  const codes = reported.flatMap(problem => (problem instanceof Notice ? problem.code : []))
  expect(codes).toEqual(['retry-began', 'retry-ended'])
  await watch.close()
})
