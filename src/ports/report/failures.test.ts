import { describe, expect, test } from 'bun:test'
import { Episode } from './episode.ts'
import { Failures, FAILURES_MAX } from './failures.ts'
import { Notice } from './notice.ts'

const ORDERS = ['subscription orders_v1']

function begin() {
  let now = 0
  const passed: unknown[] = []
  const failures = new Failures(() => now)
  const report = failures.observe(problem => void passed.push(problem))
  const fields = { subscription: 'orders_v1' }
  const episode = (what = 'orders_v1 could not save') => new Episode({ report, what, mend: 'Look.', fields, clock: () => now })
  return { failures, report, passed, episode, at: (ms: number) => (now = ms) }
}

describe('the failures of a process', () => {
  test('what fails again and again is open since its first failure, until it succeeds', () => {
    const { failures, episode, at, passed } = begin()
    const saving = episode()
    at(1_000)
    saving.fail(new Error('full'))
    at(2_000)
    saving.fail(new Error('still full'))
    const found = {
      what: 'orders_v1 could not save',
      since: '1970-01-01T00:00:01.000Z',
      error: 'still full',
      errorAt: '1970-01-01T00:00:02.000Z',
      failures: 2,
      fields: { subscription: 'orders_v1' },
    }
    expect(failures.open).toEqual([found])
    expect([failures.openOf(ORDERS), failures.openOf(['subscription things_v1'])]).toEqual([found, null])
    saving.succeed()
    expect([failures.open, failures.openOf(ORDERS)]).toEqual([[], null])
    at(9_000)
    expect(failures.last(ORDERS)).toEqual({
      ...{ at: '1970-01-01T00:00:02.000Z', code: 'retry-began', message: 'still full' },
      ...{ since: '1970-01-01T00:00:01.000Z', failures: 2 },
    })
    expect(passed).toHaveLength(2)
  })

  test('two that fail in the same way are one failure, which is over with the last of them', () => {
    const { failures, episode, at } = begin()
    const [one, other] = [episode(), episode()]
    one.fail('full')
    at(5)
    other.fail('full')
    one.succeed()
    expect(failures.open).toMatchObject([{ since: '1970-01-01T00:00:00.000Z', failures: 1 }])
    one.fail('gone')
    expect(failures.open).toMatchObject([{ since: '1970-01-01T00:00:00.000Z', failures: 2 }])
    one.succeed()
    other.succeed()
    expect(failures.open).toEqual([])
  })

  test('the last warning or error about something is remembered, and no record of what is well', () => {
    const { failures, report, at } = begin()
    const fields = { subscription: 'orders_v1' }
    report(
      new Notice({ level: 'warn', code: 'key-parked', message: 'orders_v1 parked o1.', fields, cause: new Error('no total') }),
    )
    at(1)
    report(new Notice({ level: 'info', code: 'key-unparked', message: 'It goes on.', fields }))
    report(new Error('of nobody'))
    expect(failures.last(ORDERS)).toMatchObject({ code: 'key-parked', message: 'no total' })
    expect(failures.last(['check orders_v1'])).toBeNull()
  })

  test('the failures of no more than a bounded number of things are remembered, the latest ones', () => {
    const { failures, report } = begin()
    const park = (subscription: string) =>
      report(new Notice({ level: 'warn', code: 'key-parked', message: 'parked', fields: { subscription } }))
    for (let i = 0; i <= FAILURES_MAX; i++) park(`s${i}`)
    expect([failures.last(['subscription s0']), failures.last([`subscription s${FAILURES_MAX}`])]).toMatchObject([
      null,
      { code: 'key-parked' },
    ])
  })
})
