import { afterEach, describe, expect, test } from 'bun:test'
import { atPosition, expectProblem } from '../../src/test-support/http.ts'
import { looks } from '../../src/test-support/shop.ts'
import { cleanUp } from '../../src/test-support/cleanup.ts'
import { pickHeaders } from '../../src/test-support/headers.ts'
import { openHeldThingApp, openThingApp } from '../../src/test-support/thing-app.ts'
import { countingQuery } from '../../src/test-support/thing-queries.ts'

afterEach(cleanUp)

describe('a query that is behind', () => {
  test('a query on rows that are behind answers 503 with the lag and Retry-After, once the client has waited', async () => {
    const { named } = countingQuery()
    const { get, position, release } = await openHeldThingApp([named], looks('apple', { price: 2 }))
    const answer = await get('/named?name=apple', atPosition(position, { Prefer: 'wait=0' }))
    expectProblem(answer, 'behind', {
      projection: 'things',
      position: 1,
      lagEvents: 1,
      detail: expect.any(String),
      retryable: true,
    })
    expect(pickHeaders(answer.headers, 'retry-after', 'preference-applied')).toEqual(['1', 'wait=0'])
    release()
  })

  test('a query on rows that are behind makes no other client wait, and refuses no other', async () => {
    const { named } = countingQuery()
    const { get, position, release } = await openHeldThingApp([named], looks('apple', { price: 2 }))
    const [patient, hasty, any] = [
      get('/named?name=apple', atPosition(position, { Prefer: 'wait=20' })),
      get('/named?name=apple', atPosition(position, { Prefer: 'wait=0' })),
      get('/named?name=apple'),
    ]
    expect([(await hasty).status, (await any).body]).toEqual([503, [{ key: 'a', price: 1 }]])
    release()
    const { body, headers } = await patient
    expect([body, headers.get('preference-applied')]).toEqual([[{ key: 'a', price: 2 }], 'wait=20'])
  })

  test.each(['3', '2.1', '9007199254740991'])('a query at %s, which is no position of this log, answers 409', async position => {
    const { named } = countingQuery()
    const { say, get } = openThingApp([named])
    await say('a', 'set', looks('apple'))
    const detail = `${position} is no position of this log`
    expectProblem(await get('/named?name=apple', atPosition(position, { Prefer: 'wait=30' })), 'unknown-position', { detail })
    expectProblem(await get(`/named?name=apple&min-position=${position}`), 'unknown-position', { detail })
  })
})
