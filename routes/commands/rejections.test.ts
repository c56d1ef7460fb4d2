// The answers to rejections, by the table of a decider.
import { afterEach, describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { decider } from '../../src/definitions/decider/decider.ts'
import { reject } from '../../src/definitions/decider/reject.ts'
import type { RejectionTable } from '../../src/definitions/decider/rejections.ts'
import { events } from '../../src/definitions/event/events.ts'
import { inbox } from '../../src/dispatch/inbox.ts'
import { cleanUp } from '../../src/test-support/cleanup.ts'
import { expectProblem, openClient } from '../../src/test-support/http.ts'
import { problems } from '../http/problem.ts'
import { receive } from './inbox.ts'

afterEach(cleanUp)

const Name = events('name', { Taken: z.object({}) })
const nameOf = (rejections: RejectionTable) =>
  decider(Name, {
    initial: {},
    evolve: { Taken: state => state },
    commands: { take: z.object({ code: z.string() }), wait: z.object({}) },
    decide: {
      take: (_, { code }) => reject(code, { code }),
      wait: () => reject.later('not-yet', { after: '90.5 seconds', data: { left: 3 } }),
    },
    rejections,
  })
const name = nameOf({
  'no-such-name': 404,
  taken: { status: 409, title: 'The name is taken' },
  'not-yours': { status: 403 },
  'too-short': { title: 'The name is too short' },
})
const { title: REJECTED } = problems['command-rejected']

describe('a rejection', () => {
  test.each([
    ['no-such-name', 404, REJECTED],
    ['taken', 409, 'The name is taken'],
    ['not-yours', 403, REJECTED],
    ['too-short', 422, 'The name is too short'],
    ['constructor', 422, REJECTED],
  ])('a rejection as %s answers %i with its title, at first and when its key is replayed', async (code, status, title) => {
    const { post } = openClient({ serve: [name] })
    for (const headers of [{}, { 'Idempotency-Key': 'k' }, { 'Idempotency-Key': 'k' }]) {
      const answer = await post('/name/n1/take', { code }, headers)
      const members = { type: '/problems/command-rejected', title, status, code, data: { code }, instance: '/name/n1/take' }
      expect({ status: answer.status, body: answer.body }).toEqual({ status, body: members })
    }
  })

  test('a refusal for now answers 503 with the time to wait, with a key too, and to a webhook', async () => {
    const { app, post } = openClient({ serve: [name] })
    const waits = inbox('waits', {
      message: z.object({ id: z.string() }),
      command: () => name.wait('n1', {}),
      verify: () => null,
    })
    app.post('/webhooks/waits', receive(waits))
    const answers = [
      await post('/name/n1/wait', {}),
      await post('/name/n1/wait', {}, { 'Idempotency-Key': 'k' }),
      await post('/name/n1/wait', {}, { 'Idempotency-Key': 'k' }),
      await post('/webhooks/waits', { id: 'm1' }),
    ]
    for (const answer of answers) {
      expectProblem(answer, 'too-early', { code: 'not-yet', data: { left: 3 } })
      expect(answer.status).toBe(503)
      expect([answer.headers.get('retry-after'), answer.headers.get('idempotency-replayed')]).toEqual(['91', null])
    }
  })

  test('a table that names no code, another status or no title is refused where the decider is made', () => {
    expect(() => nameOf({ NotFound: 404 })).toThrow('name: rejections: NotFound is no code')
    expect(() => nameOf({ gone: 410 as 404 })).toThrow('name: rejections: gone has the status 410; there are 403, 404, 409, 422')
    expect(() => nameOf({ gone: { title: '' } })).toThrow('name: rejections: gone: a title is a text of 1 to 200 characters')
  })

  test('OpenAPI has each status of the table with its codes and titles, beside what else has that status', async () => {
    const { body } = await openClient({ serve: [name] }).get('/openapi.json')
    // biome-ignore lint/suspicious/noExplicitAny: a test may walk JSON as it comes.
    const { paths } = body as any
    const shown = (path: string, status: number) => {
      const { content, description } = paths[path].post.responses[status]
      return [description, Object.keys(content['application/problem+json'].examples)]
    }
    expect(shown('/name/{id}/take', 404)).toEqual([REJECTED, ['no-such-name']])
    expect(shown('/name/{id}/take', 409)).toEqual([
      'The name is taken; Others wrote to the stream first',
      ['taken', 'version-conflict'],
    ])
    expect(shown('/name/take', 409)).toEqual(['The name is taken', ['taken']])
    expect(shown('/name/take', 403)[1]).toEqual(['not-yours', 'forbidden', 'actor-refused'])
    expect(shown('/name/take', 422)[1]).toEqual(['too-short', 'command-rejected', 'idempotency-key-reused'])
  })
})
