import { describe, expect, test } from 'bun:test'
import type { Notice } from '../../src/ports/report/notice.ts'
import { type Check, type Checks, OwnChecks } from './own-checks.ts'

function open(checks: Checks) {
  let now = 0
  const reported: Notice[] = []
  const own = new OwnChecks(checks, { report: problem => void reported.push(problem as Notice), clock: () => now })
  return { own, reported, later: (ms: number) => (now += ms) }
}

describe('the checks of an app', () => {
  const throws = () => {
    throw new Error('no route')
  }
  test.each<readonly [how: string, mail: Check, error: string | null]>([
    ['throws', throws, 'no route'],
    ['rejects', () => Promise.reject(new Error('no route')), 'no route'],
    ['gives false, as a response that is not ok', async () => false, 'it gave false'],
    ['throws what is no error', () => Promise.reject('away'), 'away'],
    ['gives nothing', () => {}, null],
    ['gives a value', async () => 0, null],
  ])('a check that %s has this result', async (_, mail, error) => {
    expect(await open({ mail }).own.readAll()).toEqual([{ name: 'mail', isRequired: false, error }])
  })

  test('a check that does not end is told so by its signal, fails, and does not run twice at once', async () => {
    let begun = 0
    let aborted = 0
    const gate = Promise.withResolvers<void>()
    const run = (signal: AbortSignal) => {
      begun++
      signal.addEventListener('abort', () => aborted++)
      return begun === 1 ? gate.promise : true
    }
    const { own, later } = open({ mail: { run, timeoutMs: 1, keepMs: 10 } })
    const late = [{ name: 'mail', isRequired: false, error: 'no answer within 1 ms' }]
    expect(await own.readAll()).toEqual(late)
    later(11)
    expect(await own.readAll()).toEqual(late)
    expect([begun, aborted]).toEqual([1, 1])
    gate.resolve()
    await gate.promise
    await Promise.resolve()
    expect(await own.readAll()).toMatchObject([{ error: null }])
    expect(begun).toBe(2)
  })

  test('a check runs once for callers at the same time, and again when its result is too old', async () => {
    let runs = 0
    const { own, later } = open({ mail: { run: async () => void runs++, keepMs: 100 } })
    await Promise.all([own.readAll(), own.readAll()])
    later(99)
    await own.readAll()
    expect(runs).toBe(1)
    later(1)
    await own.readAll()
    expect(runs).toBe(2)
  })

  test('a check that fails is reported once as it begins and once as it ends', async () => {
    let isAway = true
    const run = () => !isAway
    const { own, reported, later } = open({ mail: { run, keepMs: 1 } })
    for (const away of [true, true, false, false]) {
      isAway = away
      await own.readAll()
      later(1)
    }
    expect(reported.map(({ code, fields }) => [code, fields['check']])).toEqual([
      ['retry-began', 'mail'],
      ['retry-ended', 'mail'],
    ])
    expect(reported[0]!.message).toStartWith('The check mail fails: it gave false.')
  })

  test('only the required checks run for readiness', async () => {
    const { own } = open({ mail: () => {}, files: { run: () => {}, isRequired: true } })
    expect((await own.readRequired()).map(({ name }) => name)).toEqual(['files'])
  })

  test.each([
    ['a text', 'mail', 'the check mail'],
    ['an option that there is not', { run: () => {}, timeout: 5 }, 'timeout'],
    ['no function', { timeoutMs: 5 }, 'run'],
    ['without any time', { run: () => {}, timeoutMs: 0 }, 'the check mail: timeoutMs'],
    ['with a time that is no number', { run: () => {}, timeoutMs: Number.NaN }, 'the check mail: timeoutMs'],
    ['with a result that counts for less than nothing', { run: () => {}, keepMs: -1 }, 'the check mail: keepMs'],
  ])('a check that is %s is refused by name', (_, mail, says) => {
    expect(() => open({ mail } as never)).toThrow(says)
  })
})
