import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { decider } from '../../src/definitions/decider/decider.ts'
import { events } from '../../src/definitions/event/events.ts'
import { client, expectProblem, openClient } from '../../src/test-support/http.ts'

describe('data that does not fit', () => {
  test('data that does not fit the schema answers 400 with a JSON pointer to each place', async () => {
    const { post, store } = client()
    const answer = await post('/account/a1/deposit', { cents: 0.5, note: {}, times: 'x' })
    const { errors } = expectProblem(answer, 'validation-failed', { errors: expect.any(Array) })
    expect(errors).toEqual([
      { pointer: '#/cents', detail: expect.any(String) },
      { pointer: '#/note', detail: expect.any(String) },
      { pointer: '#/times', detail: expect.any(String) },
    ])
    expect(store.calls.load).toBe(0)
  })

  test('a body of another kind than the schema describes answers 400', async () => {
    const { post } = client()
    for (const body of ['[]', '"text"', '5', 'null', 'true'])
      expectProblem(await post('/account/a1/deposit', body), 'validation-failed', {
        errors: [{ pointer: '#', detail: expect.any(String) }],
      })
  })
})

test('a member that a schema does not know is left out of a z.object, and refused by name by a z.strictObject', async () => {
  const Note = events('note', { Written: z.object({ text: z.string() }) })
  const write = { text: z.string(), tag: z.string().optional() }
  const note = decider(Note, {
    initial: {},
    evolve: { Written: state => state },
    commands: { write: z.object(write), sign: z.strictObject(write) },
    decide: { write: (_, { text }) => Note.Written({ text }), sign: (_, { text }) => Note.Written({ text }) },
  })
  const { post } = openClient({ serve: [note] })
  const body = { text: 'a', tga: 'b' }
  expect((await post('/note/n1/write', body)).body).toMatchObject({ events: [{ data: { text: 'a' } }] })
  const { errors } = expectProblem(await post('/note/n1/sign', body), 'validation-failed', { errors: expect.any(Array) })
  expect(errors).toEqual([{ pointer: '#', detail: expect.stringContaining('tga') }])
})

describe('a body', () => {
  test('a command without a body and without a content type is read as {}', async () => {
    const { post } = client()
    expect((await post('/account/a1/touch')).status).toBe(200)
    expectProblem(await post('/account/a1/deposit'), 'validation-failed', {
      errors: [{ pointer: '#/cents', detail: expect.any(String) }],
    })
  })

  test.each([
    'application/json',
    'application/json; charset=utf-8',
    'Application/JSON ;charset=utf-8',
    'application/vnd.shop.v2+json',
  ])('a body with the content type %s is read as JSON', async type => {
    const { post } = client()
    expect((await post('/account/a1/deposit', '{"cents":5}', { 'Content-Type': type })).status).toBe(201)
  })

  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonp',
    'json',
    'text/json',
  ])('a body with the content type %s answers 415', async type => {
    const { post, store } = client()
    const answer = await post('/account/a1/deposit', '{"cents":5}', { 'Content-Type': type })
    expectProblem(answer, 'unsupported-media-type', { detail: expect.stringContaining(type) })
    expect(store.calls.load).toBe(0)
  })

  test('a body without a content type answers 415', async () => {
    const { ask } = client()
    const bytes = new TextEncoder().encode('{"cents":5}')
    expectProblem(await ask('/account/a1/deposit', { method: 'POST', body: bytes }), 'unsupported-media-type', {
      detail: expect.any(String),
    })
  })

  test('an empty body with the content type of JSON answers 400', async () => {
    const { ask } = client()
    const answer = await ask('/account/a1/touch', { method: 'POST', headers: { 'Content-Type': 'application/json' } })
    expectProblem(answer, 'malformed-json', { detail: expect.any(String) })
  })
})
