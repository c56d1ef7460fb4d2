// A dead database: 503 while it lasts, service again without a restart, and nothing that was acknowledged is lost.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { spec } from '../src/definitions/event/events.ts'
import { postgres } from '../src/adapters/postgres/index.ts'
import { deposit, readNotes } from '../src/test-support/deposits.ts'
import { client, expectProblem } from '../src/test-support/http.ts'
import { type PostgresServer, startPostgres } from '../src/test-support/servers/postgres.ts'
import { until } from '../src/test-support/servers/until.ts'

describe('a database that is dead', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await startPostgres()
  })
  afterAll(() => server.stop())

  test('a command on a database that ends answers 503, and is accepted once it runs, with nothing lost and nothing twice', async () => {
    const store = postgres(await server.createDatabase())
    const bank = client({ store })
    const answers = await deposit(bank, 200)
    expect(answers.refused.size).toBe(0)

    const loading = deposit(bank, 400, { answers })
    await until('there is load', () => answers.accepted.size > 300)
    await server.kill('SIGKILL')
    // While it is dead, those under way are said again until their deadline, 5 s, and what comes after is told at once.
    await until('it is refused', () => answers.refused.size > 0)
    expectProblem(await bank.post('/account/b1/deposit', { cents: 1 }), 'unavailable')
    expectProblem(await bank.get('/account/a1'), 'unavailable')
    expect((await bank.get('/health')).status).toBe(200)
    await server.restart()
    await loading
    for (const answer of answers.refused.values())
      expect(answer).toMatchObject({ status: 503, body: { type: expect.stringMatching(/unavailable|outcome-unknown/) } })
    await until('it serves again', async () => (await bank.get('/account/a1')).status === 200)

    const refusals = answers.refused.size
    await deposit(bank, 80, { answers })
    expect(answers.refused.size).toBe(refusals)
    const notes = await readNotes(store)
    expect(new Set(notes).size).toBe(notes.length)
    expect([...answers.accepted].filter(note => !notes.includes(note))).toEqual([])
    for (const [note, { body }] of answers.refused)
      if (notes.includes(note)) expect(body).toMatchObject({ type: '/problems/outcome-unknown' })
    await bank.app[spec].stop()
  })

  test('a command on a database that does not run at the start answers 503, and is accepted once it runs', async () => {
    const url = await server.createDatabase()
    await server.kill('SIGINT')
    const bank = client({ store: postgres(url) })
    expectProblem(await bank.post('/account/a1/deposit', { cents: 1 }), 'unavailable')
    expectProblem(await bank.get('/ready'), 'not-ready', { detail: 'starting: the database cannot be reached' })
    await server.restart()
    await until('it serves', async () => (await bank.post('/account/a1/deposit', { cents: 1 })).status === 201)
    await bank.app[spec].stop()
  })
})
