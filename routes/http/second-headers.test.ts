// A header that takes one value and comes twice: Bun joins both with a comma, and a proxy may have seen only one of them.
import { afterEach, expect, test } from 'bun:test'
import { cleanUp } from '../../src/test-support/cleanup.ts'
import { expectProblem, openClient } from '../../src/test-support/http.ts'

afterEach(cleanUp)

const ONCE: readonly (readonly [header: string, value: string, method: 'GET' | 'POST', path: string])[] = [
  ['Idempotency-Key', 'k1', 'POST', '/account/a1/deposit'],
  ['X-Correlation-Id', 'c1', 'POST', '/account/a1/deposit'],
  ['X-Causation-Id', 'c1', 'POST', '/account/a1/deposit'],
  ['Schedule-At', '2090-01-01T00:00:00Z', 'POST', '/account/a1/deposit'],
  ['Last-Event-ID', '0', 'GET', '/events'],
]

test.each(ONCE)('a second %s answers 400 and appends nothing', async (header, value, method, path) => {
  const { app, ask, store } = openClient()
  const request = (...values: readonly string[]) => {
    const headers = new Headers({ 'Content-Type': 'application/json' })
    for (const one of values) headers.append(header, one)
    return { method, headers, ...(method === 'POST' && { body: '{"cents":1}' }) }
  }
  expectProblem(await ask(path, request(value, value)), 'bad-header', { detail: expect.any(String) })
  expect(store.calls.append).toBe(0)
  const one = await app.request(path, request(value))
  await one.body?.cancel()
  expect(one.status).not.toBe(400)
})
