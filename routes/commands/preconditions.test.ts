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

  test.each([
    { 'If-Match': '"3"' },
    { 'If-Match': 'W/"3"' },
    { 'If-Match': ' "3" ' },
    { 'If-Match': '*' },
    { 'If-Match': '"1", "3"' },
    { 'If-Match': '"3","a, b", "2"' },
    { 'If-Match': ', "1" ,,"3",' },
    { 'If-Match': '"things_v1-1-x", W/"3"' },
  ])('a command whose precondition holds is accepted: %j', async headers => {
    const { post } = await at3()
    expect(await post('/account/a1/deposit', { cents: 1 }, headers)).toMatchObject({ status: 200, body: { version: 4 } })
  })

  test.each([
    [{ 'If-Match': '"2"' }, 2],
    [{ 'If-Match': 'W/"4"' }, 4],
    [{ 'If-Match': '"0"' }, 0],
    [{ 'If-None-Match': '*' }, 0],
    [{ 'If-Match': '"1", "2"' }, [1, 2]],
    [{ 'If-Match': '"1", "abc"' }, 1],
    [{ 'If-Match': '"3, "' }, null],
    [{ 'If-Match': '"abc"' }, null],
    [{ 'If-Match': '"03"' }, null],
    [{ 'If-Match': '"9007199254740993"' }, null],
  ])('a command whose precondition does not hold answers 412 with the current ETag: %j', async (headers, expected) => {
    const { post, store } = await at3()
    const answer = await post('/account/a1/deposit', { cents: 1 }, headers)
    const members = expected === null ? { detail: expect.stringContaining('no version of the stream') } : { expected }
    expectProblem(answer, 'precondition-failed', { ...members, actual: 3, retryable: false })
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
    { 'If-Match': '"1" "3"' },
    { 'If-Match': '"3", *' },
    { 'If-Match': '"3", "' },
    { 'If-Match': '"3", x' },
    { 'If-Match': '' },
    { 'If-Match': ' , ' },
    { 'If-Match': 'W/3' },
    { 'If-None-Match': '"3"' },
  ])('a precondition that cannot be parsed answers 400: %j', async headers => {
    const { post, store } = await at3()
    expectProblem(await post('/account/a1/deposit', { cents: 1 }, headers), 'bad-header', { detail: expect.any(String) })
    expect(await store.head()).toBe(3)
  })

  test('a list of 10 000 tags, and one of spaces alone, are read once from their beginning to their end', async () => {
    const { post } = await at3()
    const tags = Array.from({ length: 10_000 }, (_, n) => `"${n + 4}"`)
    expect((await post('/account/a1/deposit', { cents: 1 }, { 'If-Match': tags.join(', ') })).status).toBe(412)
    expect((await post('/account/a1/deposit', { cents: 1 }, { 'If-Match': `x${' '.repeat(50_000)}x` })).status).toBe(400)
    expect((await post('/account/a1/deposit', { cents: 1 }, { 'If-Match': [...tags, '"3"'].join(', ') })).status).toBe(200)
  })

  test('of a list of versions, a command is decided on the one that the stream has, and each of a batch on its own', async () => {
    const { post } = await at3()
    const answers = await Promise.all(
      ['"3", "9"', '"3", "4"', '"3", "4"'].map(tags => post('/account/a1/deposit', { cents: 1 }, { 'If-Match': tags })),
    )
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 412])
  })

  test('the tag of a row is no version: the answer is 412 and says whose tag to send', async () => {
    const { post } = await at3()
    const answer = await post('/account/a1/deposit', { cents: 1 }, { 'If-Match': '"accounts_v1-3-abc"' })
    expectProblem(answer, 'precondition-failed', {
      actual: 3,
      retryable: false,
      detail:
        'If-Match has no version of the stream, and the tag of a row is none: send the ETag of /account/a1, the last page of /streams/account-a1, or a command',
    })
    const stale = await post('/account/a1/deposit', { cents: 1 }, { 'If-Match': '"2"' })
    expect(stale.body).not.toHaveProperty('detail')
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
