import { describe, expect, test } from 'bun:test'
import { failsBefore } from '../../src/test-support/failing-store.ts'
import { client, expectProblem } from '../../src/test-support/http.ts'
import { pickHeaders } from '../../src/test-support/headers.ts'

const depositOf = (cents: number) => ({ type: 'Deposited', data: { cents, note: '' } })

describe('a preference', () => {
  test('Prefer: return=representation answers with the state and Preference-Applied', async () => {
    const { post } = client()
    const headers = { Prefer: 'return=representation' }
    const created = await post('/account/a1/deposit', { cents: 5 }, headers)
    expect(created).toMatchObject({ status: 201, body: { version: 1, events: [depositOf(5)], state: { balance: 5 } } })
    expect(pickHeaders(created.headers, 'preference-applied', 'vary', 'location')).toEqual([
      'return=representation',
      'Prefer',
      '/account/a1',
    ])
    expect((await post('/account/a1/deposit', { cents: 5 }, headers)).body).toMatchObject({ state: { balance: 10 } })
  })

  test('Prefer: return=representation on a stream without events answers with the initial state', async () => {
    const { post } = client()
    expect(await post('/account/a1/touch', undefined, { Prefer: 'return=representation' })).toMatchObject({
      status: 200,
      body: { version: 0, state: { balance: 0 } },
    })
  })

  test('Prefer: return=representation answers without the state where it cannot be read', async () => {
    const { post, store } = client()
    const headers = { Prefer: 'return=representation', 'Idempotency-Key': 'k' }
    await post('/account/a1/deposit', { cents: 5 }, headers)
    await post('/account/a1/deposit', { cents: 5 })
    // The first read is for what the key stands for.
    store.next('read', call => call(), failsBefore())
    const answer = await post('/account/a1/deposit', { cents: 5 }, headers)
    expect(answer).toMatchObject({ status: 201, body: { version: 1 } })
    expect(pickHeaders(answer.headers, 'preference-applied', 'vary')).toEqual([null, 'Prefer'])
  })

  test('Prefer: return=minimal answers without a body, and with all headers', async () => {
    const { post } = client()
    const headers = { Prefer: 'return=minimal' }
    const created = await post('/account/a1/deposit', { cents: 5 }, headers)
    expect([created.status, created.body]).toEqual([201, ''])
    const changed = await post('/account/a1/deposit', { cents: 5 }, headers)
    expect([changed.status, changed.body]).toEqual([204, ''])
    expect(pickHeaders(changed.headers, 'etag', 'event-position', 'preference-applied', 'vary')).toEqual([
      '"2"',
      '2',
      'return=minimal',
      'Prefer',
    ])
  })

  test('a preference is found among others, and an unknown one changes nothing but Vary', async () => {
    const { post } = client()
    const found = await post('/account/a1/deposit', { cents: 5 }, { Prefer: 'wait=5, return="representation"; foo=bar' })
    expect(found.headers.get('preference-applied')).toBe('return=representation')
    const unknown = await post('/account/a1/deposit', { cents: 5 }, { Prefer: 'handling=lenient' })
    expect([unknown.status, ...pickHeaders(unknown.headers, 'preference-applied', 'vary')]).toEqual([200, null, 'Prefer'])
  })

  test('a preference does not change the answer to a rejected command', async () => {
    const { post } = client()
    const answer = await post('/account/a1/withdraw', { cents: 5 }, { Prefer: 'return=minimal' })
    expectProblem(answer, 'command-rejected', { code: 'insufficient', data: { balance: 0, version: 0 } })
  })
})
