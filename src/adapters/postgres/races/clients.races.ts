import { describe, expect } from 'bun:test'
import { StoreError } from '../../../ports/store/errors.ts'
import type { Unit } from '../../../ports/store/unit.ts'
import { follow, readLog } from './follow.ts'
import { form, race } from './form.ts'
import { type Attempt, violations } from './history.ts'
import { holdLock, untilFree, waitForWaiters } from './lock.ts'
import { eventually } from './patience.ts'
import { startRaceProxy } from './race-proxy.ts'
import { type RaceLog, raceLog } from './race-log.ts'
import { recorder, tokenEvent } from './recorder.ts'
import { startWriter } from './writers.ts'

const CLIENTS = 4
/** Others are refused the lock long before who stopped reading is given up. */
const LOCK_TIMEOUT_MS = 10_000

describe('a client', () => {
  race('a client that is killed while it waits for the lock appends behind no reader, and keeps no lock', async () => {
    await using log = await raceLog()
    const attempts: Attempt[] = []
    const reader = follow(await log.store(), 'the reader', 3)
    reader.run()
    const record = recorder(await log.store(), 'a survivor', one => attempts.push(one))
    for (let round = 0; round < form(3, 100); round++) {
      const letGo = await holdLock(log)
      const doomed = Array.from({ length: CLIENTS }, (_, i) =>
        startWriter({ kind: 'wait', who: `killed ${round}.${i}`, url: log.url, schema: log.schema, streams: [`s-${round}`] }),
      )
      await Promise.all(doomed.map(({ ready }) => ready))
      for (const { go } of doomed) go()
      await waitForWaiters(log, CLIENTS)
      attempts.push(...(await Promise.all(doomed.map(({ kill }) => kill()))).flat())
      const survivor = record([
        { slices: [{ stream: `s-${round}`, expect: 'any', events: [tokenEvent(`survivor.${round}`)] }], keys: [] },
      ])
      await letGo()
      expect(await survivor).toEqual(['appended'])
    }
    await untilFree(log)
    expect(attempts.filter(({ outcome }) => outcome === 'open').length).toBe(CLIENTS * form(3, 100))
    expect(violations({ attempts, log: await readLog(await log.store()), readings: [await reader.stop()] })).toEqual([])
  })

  race('a client that is killed at any moment leaves whole appends, and others can append', async random => {
    await using log = await raceLog()
    const reader = follow(await log.store(), 'the reader', 20)
    reader.run()
    const attempts: Attempt[] = []
    for (let round = 0; round < form(2, 100); round++) {
      const writers = Array.from({ length: CLIENTS }, (_, i) =>
        startWriter({
          kind: 'append',
          who: `killed ${round}.${i}`,
          url: log.url,
          schema: log.schema,
          seed: `${random.below(1_000_000)}`,
          units: 1_000_000,
          callers: 8,
          stores: 1,
          mortal: true,
        }),
      )
      await Promise.all(writers.map(({ ready }) => ready))
      const before = reader.seen.length
      for (const { go } of writers) go()
      for (const { kill } of random.shuffle(writers)) {
        await reader.reaches(before + random.below(300))
        attempts.push(...(await kill()))
      }
    }
    await untilFree(log)
    const record = recorder(await log.store(), 'a survivor', one => attempts.push(one))
    expect(await record([{ slices: [{ stream: 'hot-0', expect: 'any', events: [tokenEvent('survivor')] }], keys: [] }])).toEqual([
      'appended',
    ])
    expect(violations({ attempts, log: await readLog(await log.store()), readings: [await reader.stop()] })).toEqual([])
  })

  race('a client that stops reading the events of its conflict keeps nobody from appending', async () => {
    await using log = await raceLog()
    const fill = 'x'.repeat(1_000)
    const seed = await log.store()
    const events = Array.from({ length: 200 }, (_, i) => tokenEvent(`big.${i}`, fill))
    await seed.append([{ slices: [{ stream: 'big-1', expect: 0, events }], keys: [] }])
    await holdStalledReader(log, [{ slices: [{ stream: 'big-1', expect: 0, events: [tokenEvent('late')] }], keys: [] }])
  })

  race('a client that stops reading the outcomes of its keys keeps nobody from appending', async () => {
    await using log = await raceLog()
    const rejection = JSON.stringify({ code: 'no', data: 'x'.repeat(64_000) })
    const units = Array.from({ length: 300 }, (_, i) => ({
      slices: [{ stream: `s-${i}`, expect: 0, events: [] }],
      keys: [{ key: `k-${i}`, fingerprint: 'f', stream: `s-${i}`, version: 0, count: 0, rejection, keepMs: 60_000 }],
    }))
    await (await log.store()).append(units)
    await holdStalledReader(log, units)
  })
})

/** Lets a client append units whose answer it does not read, and others meanwhile. */
async function holdStalledReader(log: RaceLog, units: readonly Unit[]): Promise<void> {
  using proxy = startRaceProxy(log)
  const through = proxy.url(`${log.url}?application_name=stopped`)
  const stopped = await log.store({ through })
  // The first append asks the server what its parameters are; the next one only says them.
  await stopped.append([{ slices: [{ stream: 'first', expect: 0, events: [tokenEvent('first')] }], keys: [] }])
  const other = await log.store({ lockTimeoutMs: LOCK_TIMEOUT_MS })
  const [now] = await log.sql<{ at: Date }[]>`select clock_timestamp() as at`
  proxy.pauseReading(true)
  const unread = stopped.append(units).catch(error => error)
  await eventually('the server has said all, or cannot say it', async () => {
    const [row] = await log.sql<
      { there: boolean }[]
    >`select exists (select from pg_stat_activity where application_name = 'stopped'
      and query like '%append_v4%' and query_start > ${now!.at} and (state = 'idle' or wait_event = 'ClientWrite')) as there`
    return row!.there
  })
  for (let i = 0; i < 20; i++) {
    const [outcome] = await other.append([
      { slices: [{ stream: `other-${i}`, expect: 0, events: [tokenEvent(`other.${i}`)] }], keys: [] },
    ])
    expect(outcome!.outcome).toBe('appended')
  }
  proxy.reset()
  expect(await unread).toBeInstanceOf(StoreError)
  await untilFree(log)
}
