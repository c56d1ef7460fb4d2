import { describe, expect, test } from 'bun:test'
import { appendAsOther } from '../../src/test-support/bank.ts'
import { comesAfter } from '../../src/test-support/failing-store.ts'
import { client, expectProblem } from '../../src/test-support/http.ts'

describe('a precondition', () => {
  const at3 = async () => {
    const bank = client()
    await bank.post('/account/a1/deposit', { cents: 5, times: 3 })
    return bank
  }

  test.each([{ 'If-Match': '"3"' }, { 'If-Match': 'W/"3"' }, { 'If-Match': ' "3" ' }, { 'If-Match': '*' }])(
    'a command whose precondition holds is accepted: %j',
    async headers => {
      const { post } = await at3()
      expect(await post('/account/a1/deposit', { cents: 1 }, headers)).toMatchObject({ status: 200, body: { version: 4 } })
    },
  )

  test.each([
    [{ 'If-Match': '"2"' }, 2],
    [{ 'If-Match': 'W/"4"' }, 4],
    [{ 'If-Match': '"0"' }, 0],
    [{ 'If-None-Match': '*' }, 0],
    [{ 'If-Match': '"abc"' }, null],
    [{ 'If-Match': '"03"' }, null],
    [{ 'If-Match': '"9007199254740993"' }, null],
  ])('a command whose precondition does not hold answers 412 with the current ETag: %j', async (headers, expected) => {
    const { post, store } = await at3()
    const answer = await post('/account/a1/deposit', { cents: 1 }, headers)
    expectProblem(answer, 'precondition-failed', { ...(expected !== null && { expected }), actual: 3, retryable: false })
    expect(answer.headers.get('etag')).toBe('"3"')
    expect(await store.head()).toBe(3)
  })

  test('If-None-Match: * and If-Match: "0" hold on a stream that does not exist', async () => {
    const { post } = client()
    expect((await post('/account/a1/deposit', { cents: 1 }, { 'If-None-Match': '*' })).status).toBe(201)
    expect((await post('/account/a2/deposit', { cents: 1 }, { 'If-Match': '"0"' })).status).toBe(201)
  })

  test('If-Match: * on a stream that does not exist answers 412 without an ETag', async () => {
    const { post } = client()
    const answer = await post('/account/a1/deposit', { cents: 1 }, { 'If-Match': '*' })
    expectProblem(answer, 'precondition-failed', { expected: 'exists', actual: 0, retryable: false })
    expect(answer.headers.get('etag')).toBeNull()
  })

  test.each([
    { 'If-Match': '3' },
    { 'If-Match': '"1", "2"' },
    { 'If-Match': '' },
    { 'If-Match': 'W/3' },
    { 'If-None-Match': '"3"' },
  ])('a precondition that cannot be parsed answers 400: %j', async headers => {
    const { post, store } = await at3()
    expectProblem(await post('/account/a1/deposit', { cents: 1 }, headers), 'bad-header', { detail: expect.any(String) })
    expect(await store.head()).toBe(3)
  })

  test('a conflict with another process answers 412 with a precondition, else 409 after 200 attempts', async () => {
    const { post, store } = await at3()
    store.next(
      'append',
      comesAfter(() => appendAsOther(store, 'account-a1')),
    )
    const failed = await post('/account/a1/deposit', { cents: 1 }, { 'If-Match': '"3"' })
    expectProblem(failed, 'precondition-failed', { expected: 3, actual: 4, retryable: false })
    store.always(
      'append',
      comesAfter(() => appendAsOther(store, 'account-a1')),
    )
    const lost = await post('/account/a1/deposit', { cents: 1 })
    expectProblem(lost, 'version-conflict', { expected: 203, actual: 204, retryable: true })
  })
})
