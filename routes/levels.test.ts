import { afterAll, describe, expect, setSystemTime, spyOn, test } from 'bun:test'
import { readConfig } from '../src/config.ts'
import { spec } from '../src/definitions/event/events.ts'
import { isWanted, Notice } from '../src/ports/report/notice.ts'
import { memory } from '../src/ports/store/memory.ts'
import { account } from '../src/test-support/account.ts'
import { cleanUp, cleanUpLater } from '../src/test-support/cleanup.ts'
import { answerOf, expectProblem, openClient } from '../src/test-support/http.ts'
import { app } from './app.ts'

afterAll(cleanUp)

/** An app that prints its records, as one without the option `report` does. */
async function openPrinting(more: Readonly<Record<string, string>> = {}) {
  const config = readConfig({ LOG_LEVEL: 'warn', LOG_FORMAT: 'json', ...more })
  const served = app({ serve: [account], store: memory(), requestRecords: false, config })
  cleanUpLater(() => served[spec].stop())
  const { report } = await served[spec].start()
  const ask = async (path: string, init: RequestInit = {}) => answerOf(await served.request(path, init))
  const codesOf = (records: readonly Notice[]) => {
    const printed: string[] = []
    using write = spyOn(process.stderr, 'write')
    write.mockImplementation(line => printed.push(String(line)) > 0)
    for (const one of records) if (isWanted(report, one.level, one.code)) report(one)
    return printed.map(line => (JSON.parse(line) as { readonly code: string }).code)
  }
  const change = async (method: string, query = '') => {
    using write = spyOn(process.stderr, 'write')
    const lines: string[] = []
    write.mockImplementation(line => lines.push(String(line)) > 0)
    return { answer: await ask(`/logs/levels${query}`, { method }), lines }
  }
  return { ask, get: ask, codesOf, change }
}
const records = (['debug', 'info', 'warn'] as const).map(
  level => new Notice({ level, code: level === 'debug' ? 'command-refused' : 'key-parked', message: 'It is so.' }),
)

describe('/logs/levels', () => {
  test('levels that are set at run time count at once, are told by a record, and end with a DELETE', async () => {
    const { codesOf, change, get } = await openPrinting()
    expect((await get('/logs/levels')).body).toEqual({ levels: 'warn', configured: 'warn', until: null })
    expect(codesOf(records)).toEqual(['key-parked'])
    const { answer, lines } = await change('PUT', '?levels=warn,command=debug')
    expect([answer.status, answer.body]).toEqual([200, { levels: 'warn,command=debug', configured: 'warn', until: null }])
    expect(lines.join('')).toContain('The levels of records are warn,command=debug now; they were warn.')
    expect(codesOf(records)).toEqual(['command-refused', 'key-parked'])
    expect((await change('DELETE')).answer.body).toEqual({ levels: 'warn', configured: 'warn', until: null })
    expect(codesOf(records)).toEqual(['key-parked'])
  })

  test('levels that are set for a time end with it', async () => {
    const { codesOf, change, get } = await openPrinting()
    setSystemTime(new Date('2026-01-01T00:00:00Z'))
    try {
      const { answer } = await change('PUT', '?levels=debug&for=10%20minutes')
      expect(answer.body).toMatchObject({ levels: 'debug', until: '2026-01-01T00:10:00.000Z' })
      setSystemTime(new Date('2026-01-01T00:09:59.999Z'))
      expect(codesOf(records)).toEqual(['command-refused', 'key-parked', 'key-parked'])
      setSystemTime(new Date('2026-01-01T00:10:00Z'))
      expect(codesOf(records)).toEqual(['key-parked'])
      expect((await get('/logs/levels')).body).toMatchObject({ levels: 'warn', until: null })
    } finally {
      setSystemTime()
    }
  })

  test.each([
    ['?levels=loud', '#/levels', 'expected one of debug, info, warn, error, and then'],
    ['', '#/levels', 'expected one of'],
    ['?levels=info&for=soon', '#/for', "expected a duration such as '10 minutes'"],
    ['?levels=info&for=0%20seconds', '#/for', 'expected a duration'],
    ['?levels=info&to=x', '#/to', 'is no parameter'],
  ])('levels %p are refused, and nothing changes', async (query, pointer, detail) => {
    const { change, get } = await openPrinting()
    const { answer, lines } = await change('PUT', query)
    expectProblem(answer, 'validation-failed', { errors: [{ pointer, detail: expect.stringContaining(detail) }] })
    expect([lines, (await get('/logs/levels')).body]).toEqual([[], { levels: 'warn', configured: 'warn', until: null }])
  })

  test('levels are for who may read the log, and not for pages of other sites', async () => {
    const closed = await openPrinting({ NODE_ENV: 'production' })
    for (const method of ['GET', 'PUT', 'DELETE']) expect((await closed.change(method, '')).answer.status).toBe(403)
    const open = await openPrinting()
    const headers = { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://other.example' }
    expectProblem(await open.ask('/logs/levels?levels=debug', { method: 'PUT', headers }), 'forbidden', {
      detail: expect.any(String),
    })
  })

  test('an app with a report of its own has no levels, and says so', async () => {
    expectProblem(await openClient().ask('/logs/levels?levels=debug', { method: 'PUT' }), 'not-found', {
      detail: expect.stringContaining('the option `report`'),
    })
  })
})
