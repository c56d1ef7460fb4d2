// Recurring schedules over a runtime: what is sent at which time, once, and what becomes of times that were missed.
// recurring.long.test.ts has PostgreSQL's turn.
import { afterAll, afterEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sqlite } from '../adapters/sqlite/store.ts'
import type { Served } from '../definitions/definition.ts'
import { every } from '../definitions/recurrence.ts'
import { schedule } from '../definitions/schedule.ts'
import { memory } from '../ports/store/memory.ts'
import type { Store } from '../ports/store/store.ts'
import type { Notice } from '../ports/report/notice.ts'
import { type Runtime, runtime } from '../runtime.ts'
import { until } from '../test-support/servers/until.ts'
import { bell, daily, LEASE_MS, ringing, rungAt, testSchedule } from './recurring.cases.ts'

const folder = mkdtempSync(join(tmpdir(), 'emaki-recurring-'))
afterAll(() => rmSync(folder, { recursive: true }))
const running: Runtime[] = []
afterEach(async () => {
  for (const one of running.splice(0)) await one.close()
})

/** A log whose clock is moved by hand, and its processes. */
function makeWorld(began: string, store?: Store) {
  let time = Date.parse(began)
  const log = store ?? memory({ now: () => time })
  const reported: Notice[] = []
  const start = async (...serve: readonly Served[]): Promise<Runtime> => {
    const emaki = await runtime({
      serve: [bell, ...serve],
      store: log,
      leaseMs: LEASE_MS,
      report: one => reported.push(one as Notice),
    })
    running.push(emaki)
    return emaki
  }
  const next = async () => (await log.agenda.find('schedule_ringing'))?.due
  return {
    ...{ log, reported, start, next },
    codes: () => reported.map(({ code }) => code),
    untilNext: (due: string) => until(`it is due at ${due}`, async () => (await next()) === due),
    untilRung: (many: number) => until(`it rings ${many} times`, async () => (await rungAt(log)).length === many),
    moveTo: (to: string) => {
      time = Date.parse(to)
      for (const one of running) one.pollAgenda()
    },
  }
}

async function close(emaki: Runtime): Promise<void> {
  running.splice(running.indexOf(emaki), 1)
  await emaki.close()
}

describe('a schedule', () => {
  test('a schedule sends at each of its times once, in its own name, by two processes, while clocks are put forward', async () => {
    const { log, start, moveTo, untilNext, untilRung, reported } = makeWorld('2030-03-30T01:00:00Z')
    await start(ringing())
    await start(ringing())
    for (const [i, [due, after]] of [
      ['2030-03-30T02:00:00.000Z', '2030-03-31T01:00:00.000Z'],
      ['2030-03-31T01:00:00.000Z', '2030-04-01T01:00:00.000Z'],
      ['2030-04-01T01:00:00.000Z', '2030-04-02T01:00:00.000Z'],
    ].entries()) {
      await untilNext(due!)
      moveTo(due!)
      await untilNext(after!)
      await untilRung(i + 1)
    }
    expect(await rungAt(log)).toEqual(['2030-03-30T02:00:00.000Z', '2030-03-31T01:00:00.000Z', '2030-04-01T01:00:00.000Z'])
    const [rung] = await log.read('bell-b1', { after: 0, limit: 1 })
    expect(JSON.parse(rung!.data)).toMatchObject({ by: 'schedule:ringing' })
    expect(JSON.parse(rung!.meta)).toMatchObject({ correlation: 'schedule_ringing@2030-03-30T02:00:00.000Z' })
    expect(reported).toEqual([])
  })

  test('a schedule whose times passed while nothing ran sends the last one late, and says so', async () => {
    const { log, start, moveTo, untilNext, untilRung, reported } = makeWorld('2030-01-01T00:00:00Z')
    const emaki = await start(ringing())
    await untilNext('2030-01-01T02:00:00.000Z')
    await close(emaki)
    moveTo('2030-01-05T12:00:00Z')
    await start(ringing())
    await untilNext('2030-01-06T02:00:00.000Z')
    await untilRung(1)
    expect(await rungAt(log)).toEqual(['2030-01-05T02:00:00.000Z'])
    expect(reported).toMatchObject([
      {
        code: 'schedule-late',
        fields: { schedule: 'ringing', first: '2030-01-01T02:00:00.000Z', at: '2030-01-05T02:00:00.000Z' },
      },
    ])
  })

  test('a schedule that leaves out what it missed sends nothing late, says so, and goes on', async () => {
    const { log, start, moveTo, untilNext, untilRung, codes } = makeWorld('2030-01-01T00:00:00Z')
    const emaki = await start(ringing(daily, 'none'))
    await untilNext('2030-01-01T02:00:00.000Z')
    await close(emaki)
    moveTo('2030-01-05T12:00:00Z')
    await start(ringing(daily, 'none'))
    await untilNext('2030-01-06T02:00:00.000Z')
    moveTo('2030-01-06T02:00:30Z')
    await untilRung(1)
    expect(await rungAt(log)).toEqual(['2030-01-06T02:00:00.000Z'])
    expect(codes()).toEqual(['schedule-late'])
  })

  test('a schedule that a release changes sends what was due by its former times, and goes on by the new ones', async () => {
    const { log, start, moveTo, untilNext, untilRung } = makeWorld('2030-01-01T00:00:00Z')
    const hourly = every('30 * * * *', { zone: 'UTC' })
    const emaki = await start(ringing())
    await untilNext('2030-01-01T02:00:00.000Z')
    await close(emaki)
    const changed = await start(ringing(hourly))
    await untilNext('2030-01-01T00:30:00.000Z')
    await close(changed)
    moveTo('2030-01-01T04:45:00Z')
    await start(ringing())
    await untilNext('2030-01-02T02:00:00.000Z')
    await untilRung(1)
    expect(await rungAt(log)).toEqual(['2030-01-01T04:30:00.000Z'])
  })

  test('a schedule that is served no more is forgotten a day after its time, and one that is served is not', async () => {
    const { log, start, moveTo, untilNext, reported, untilRung } = makeWorld('2030-01-01T00:00:00Z')
    const other = schedule('other', { every: daily, to: bell, send: at => bell.ring('b1', { at }) })
    const emaki = await start(ringing(), other)
    await untilNext('2030-01-01T02:00:00.000Z')
    await until('the other is set', async () => (await log.agenda.find('schedule_other')) !== null)
    await close(emaki)
    moveTo('2030-01-02T02:00:00Z')
    await start(other)
    await until('it is forgotten', async () => (await log.agenda.find('schedule_ringing')) === null)
    await untilRung(1)
    expect(reported.filter(({ code }) => code === 'schedule-forgotten')).toMatchObject([{ fields: { schedule: 'ringing' } }])
    expect((await log.agenda.find('schedule_other'))?.due).toBe('2030-01-03T02:00:00.000Z')
  })

  test('a schedule whose command is refused says so, and goes on', async () => {
    const { start, moveTo, untilNext, reported } = makeWorld('2030-01-01T00:00:00Z')
    await start(
      schedule('ringing', { every: daily, to: bell, send: () => [bell.break('b1', {}), bell.ring('b1', { at: 1 as never })] }),
    )
    await untilNext('2030-01-01T02:00:00.000Z')
    moveTo('2030-01-01T02:00:00Z')
    await untilNext('2030-01-02T02:00:00.000Z')
    await until('both are reported', () => reported.length === 2)
    expect(reported.map(({ code, message }) => [code, message.includes('too-strong') || message.includes('invalid')])).toEqual([
      ['schedule-refused', true],
      ['schedule-refused', true],
    ])
  })

  test('a schedule whose commands were written, with the answer lost, does not take them for missed', async () => {
    let time = Date.parse('2030-01-01T00:00:00Z')
    const store = memory({ now: () => time })
    const { readModel } = store
    let lost = 0
    const commit: typeof readModel.commit = async page => {
      const isWritten = await readModel.commit(page)
      if (page.agenda!.add.length === 1 || lost++ > 0) return isWritten
      time = Date.parse('2030-01-02T02:00:00Z')
      throw new Error('connection lost')
    }
    const losing = Object.assign(Object.create(store) as Store, { readModel: { ...readModel, commit } })
    const { start, untilNext, codes } = makeWorld('2030-01-01T00:00:00Z', losing)
    const emaki = await start(ringing())
    await untilNext('2030-01-01T02:00:00.000Z')
    time = Date.parse('2030-01-01T02:00:00Z')
    emaki.pollAgenda()
    await until('the failure is over', () => codes().includes('retry-ended'))
    await until('it rings twice', async () => {
      emaki.pollAgenda()
      return (await rungAt(store)).length === 2
    })
    expect(await rungAt(store)).toEqual(['2030-01-01T02:00:00.000Z', '2030-01-02T02:00:00.000Z'])
    expect(codes()).toEqual(['retry-began', 'retry-ended'])
  })
})

testSchedule('SQLite', async () => {
  let skipped = 0
  const store = sqlite(join(folder, 'recurring.db'), { now: () => Date.now() + skipped })
  return { store, advance: async ms => (skipped += ms) }
})
