// The page on what a decision can say.
import { expect, test } from 'bun:test'
import { memory } from 'emaki'
import { app } from 'emaki/http'
import { seat } from './deciding.ts'

const served = app({ serve: [seat], store: memory() })
const ask = async (path: string, body: object) => {
  const headers = { 'Content-Type': 'application/json' }
  const response = await served.request(`/seat/${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
  const { title, code } = (await response.json()) as { readonly title?: string; readonly code?: string }
  return { status: response.status, title, code }
}

test('a rejection has the status and the title of the table', async () => {
  expect(await ask('a1/take', { guest: 'ada' })).toMatchObject({ status: 404, code: 'no-such-seat' })
  await ask('a1/offer', {})
  expect(await ask('a1/take', { guest: 'ada' })).toMatchObject({ status: 200 })
  expect(await ask('a1/take', { guest: 'bob' })).toEqual({ status: 409, title: 'Somebody has this seat', code: 'taken' })
})

test('a payment that comes too early is refused for now, and taken when it comes again', async () => {
  await ask('a2/offer', {})
  expect(await ask('a2/pay', {})).toMatchObject({ status: 503, code: 'not-taken' })
  await ask('a2/take', { guest: 'ada' })
  expect(await ask('a2/pay', {})).toMatchObject({ status: 200 })
})
