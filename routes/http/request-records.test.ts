import { afterAll, describe, expect, spyOn, test } from 'bun:test'
import type { Level } from '../../src/ports/report/record.ts'
import type { Notice, Report } from '../../src/ports/report/notice.ts'
import { cleanUp } from '../../src/test-support/cleanup.ts'
import { failsBefore } from '../../src/test-support/failing-store.ts'
import { openClient } from '../../src/test-support/http.ts'
import type { AppOptions } from '../app-options.ts'
import { RECORDS_PER_SECOND_MAX } from './request-records.ts'

afterAll(cleanUp)

/** A request that takes so long is slow, in ms: on no machine. */
const NEVER = 86_400_000
const DEPOSIT = '/account/a1/deposit'

/** An app whose records are kept. `all`: those of the level debug, too. */
function open(options: Partial<AppOptions>, all = false) {
  const notices: Notice[] = []
  const take = (problem: unknown) => void notices.push(problem as Notice)
  const report: Report = all ? Object.assign(take, { wants: (_: Level, __: string) => true }) : take
  const shop = openClient({ report, requestRecords: {}, ...options })
  const of = (code: string) => notices.filter(notice => notice.code === code)
  return { ...shop, notices, of }
}

describe('the record of a request', () => {
  test('a request that is chosen is recorded once, with what it was about, its caller and its duration', async () => {
    const { post, of } = open({ actor: () => 'ann' })
    const headers = { 'X-Request-Id': 'r1', 'X-Correlation-Id': 'c1', traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` }
    await post(DEPOSIT, { cents: 5 }, headers)
    const [{ level, message, fields } = {} as Notice, ...others] = of('request')
    expect([level, others]).toEqual(['info', []])
    expect(fields).toEqual({
      ...{ requestId: 'r1', traceId: 'a'.repeat(32), actor: 'ann', correlation: 'c1' },
      ...{ command: 'account.deposit', stream: 'account-a1', method: 'POST', path: DEPOSIT },
      ...{ route: '/account/:id/deposit', status: 201, durationMs: expect.any(Number) },
    })
    expect(message).toMatch(/^POST \/account\/a1\/deposit answered 201 in [\d.]+ ms\.$/)
  })

  test('of the requests that went well one of so many is recorded, and with the level debug all the others, too', async () => {
    const { post, of } = open({ requestRecords: { oneIn: 3, slowMs: NEVER } })
    const other = open({ requestRecords: { oneIn: 3, slowMs: NEVER } }, true)
    for (const shop of [post, other.post]) for (let i = 0; i < 7; i++) await shop(DEPOSIT, { cents: 1 })
    expect(of('request')).toHaveLength(3)
    expect(other.of('request').map(({ level }) => level)).toEqual(['info', 'debug', 'debug', 'info', 'debug', 'debug', 'info'])
  })

  test('a request that failed is always recorded, and a refusal is not a failure', async () => {
    const { post, of } = open({ requestRecords: { oneIn: 1_000, slowMs: NEVER } })
    for (const cents of [1, -1, 1]) await post(DEPOSIT, { cents })
    await post('/account/a1/explode', {})
    expect(of('request').map(({ level, fields }) => [level, fields['status']])).toEqual([
      ['info', 201],
      ['warn', 500],
    ])
    expect(of('request-failed')).toHaveLength(1)
  })

  test('a request that was slow is always recorded', async () => {
    const { post, of } = open({ requestRecords: { oneIn: 1_000, slowMs: 0 } })
    for (const _ of [1, 2, 3]) await post(DEPOSIT, { cents: 1 })
    expect(of('request')).toHaveLength(3)
  })

  test('failures of one second are recorded up to a bound, and the next second says how many were not', async () => {
    let now = 5_000
    const clock = spyOn(performance, 'now').mockImplementation(() => now)
    try {
      const { post, of, store } = open({ requestRecords: { oneIn: 1_000_000 } })
      store.always('open', failsBefore())
      for (let i = 0; i < RECORDS_PER_SECOND_MAX + 7; i++) await post(DEPOSIT, { cents: 1 })
      expect([of('request').length, of('requests-left-out').length]).toEqual([RECORDS_PER_SECOND_MAX, 0])
      now += 1_000
      await post(DEPOSIT, { cents: 1 })
      expect(of('request')).toHaveLength(RECORDS_PER_SECOND_MAX + 1)
      expect(of('requests-left-out').map(({ fields }) => fields)).toEqual([{ requests: 7 }])
    } finally {
      clock.mockRestore()
    }
  })

  test('a probe has no record, also while it fails, and nothing has one where requests are not recorded', async () => {
    const { get, of, store } = open({ requestRecords: { oneIn: 1 } })
    store.always('open', failsBefore())
    for (const path of ['/health', '/ready', '/startup', '/metrics']) await get(path)
    expect(of('request')).toEqual([])
    const silent = open({ requestRecords: false }, true)
    await silent.post(DEPOSIT, { cents: 1 })
    expect(silent.of('request')).toEqual([])
  })

  test('no record has a header, a parameter, or the data of a command', async () => {
    const { post, get, notices, of } = open({ requestRecords: { oneIn: 1 }, parameters: ['access_token'] }, true)
    const headers = { Authorization: 'Bearer hunter2', Cookie: 'a=hunter2' }
    await post(`${DEPOSIT}?access_token=hunter2`, { cents: 1, note: 'hunter2' }, headers)
    await post('/account/a1/withdraw', { cents: 30, note: 'hunter2' }, headers)
    await post(DEPOSIT, { cents: 'hunter2' }, headers)
    await get('/nothing?access_token=hunter2', headers)
    expect(of('request').map(({ fields }) => fields['status'])).toEqual([201, 422, 400, 404])
    const shown = notices.map(({ message, fields, cause }) => JSON.stringify([message, fields, String(cause)])).join('\n')
    expect(shown).not.toContain('hunter2')
  })

  test.each([{ oneIn: 0 }, { oneIn: 1.5 }, { slow: 5 }])('options of records that are none are refused: %j', requestRecords => {
    expect(() => openClient({ requestRecords: requestRecords as object })).toThrow('requestRecords')
  })
})

describe('the record of a command', () => {
  test('a command that is refused is recorded for who asks for the level debug, with its outcome and its code', async () => {
    const { post, of } = open({ actor: () => 'ann', requestRecords: false }, true)
    await post('/account/a1/withdraw', { cents: 30 }, { 'X-Correlation-Id': 'c1' })
    await post(DEPOSIT, { cents: 1 }, { 'If-Match': '"7"' })
    await post(DEPOSIT, { cents: 1 })
    expect(of('command-refused').map(({ level, message, fields }) => ({ level, message, ...fields }))).toMatchObject([
      {
        ...{ level: 'debug', command: 'account.withdraw', stream: 'account-a1', correlation: 'c1', actor: 'ann' },
        ...{ outcome: 'rejected', rejection: 'insufficient' },
        message: 'account.withdraw of account-a1 was refused: insufficient.',
      },
      { command: 'account.deposit', outcome: 'conflict' },
    ])
    const quiet = open({ requestRecords: false })
    await quiet.post('/account/a1/withdraw', { cents: 30 })
    expect(quiet.notices).toEqual([])
  })
})
