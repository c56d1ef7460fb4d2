// import and imports on a log in memory: what they bring, what they refuse, and what they say.
import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { decider } from '../definitions/decider/decider.ts'
import { events } from '../definitions/event/events.ts'
import { processManager } from '../definitions/process/process.ts'
import { after } from '../definitions/process/timer.ts'
import { processor } from '../definitions/processor.ts'
import { memory } from '../ports/store/memory.ts'
import type { Store } from '../ports/store/store.ts'
import { runVerb } from '../test-support/run-verb.ts'
import { until } from '../test-support/servers/until.ts'
import { untilProcessed } from '../test-support/until-processed.ts'
import { runtime } from '../runtime.ts'
import { importMap } from '../transfer/import-map.ts'
import { recordsOf } from '../transfer/records.ts'
import { doctorVerb } from './doctor.ts'
import { importVerb } from './import.ts'
import { importsVerb } from './imports.ts'

const Visit = events('visit', { Paid: z.object({ cents: z.string() }) })
const record = z.object({ patient: z.string(), day: z.string(), cents: z.string(), id: z.string().optional() })
const visits = importMap({
  from: Visit,
  record,
  map: ({ patient, day, cents, id }) => ({
    stream: `visit-${patient}`,
    event: Visit.Paid({ cents }),
    occurredAt: `${day}T00:00:00Z`,
    ...(id !== undefined && { id }),
  }),
})
const maps = { visits, ['visits-again']: visits }

const folder = mkdtempSync(join(tmpdir(), 'emaki-importing-'))
afterAll(() => rmSync(folder, { recursive: true }))
let store: Store
beforeEach(() => {
  store = memory()
})

function write(name: string, lines: readonly string[], header = 'patient,day,cents'): string {
  writeFileSync(join(folder, name), `${[header, ...lines].join('\n')}\n`)
  return join(folder, name)
}
const importFile = (file: string, map = 'visits', more: Readonly<Record<string, boolean>> = {}) =>
  runVerb(importVerb, { store, words: [file], values: { map, ...more }, maps })

const LINES = ['a,2001-01-01,5', 'b,2001-01-02,5', 'a,2001-01-01,5']

describe('import', () => {
  test('import takes a file once, whatever it is called, by whatever map of it, and says so', async () => {
    expect((await importFile(write('one.csv', LINES))).out).toBe('imported 3 events\n')
    for (const [name, map] of [
      ['one.csv', 'visits'],
      ['one.csv', 'visits-again'],
      ['two.csv', 'visits'],
    ] as const)
      expect((await importFile(write(name, LINES), map)).out).toBe('imported 0 events; 3 were in the log already\n')
    expect(await store.head()).toBe(3)
  })

  test('import brings of a longer file only the further lines, and of equal lines as many as there are', async () => {
    await importFile(write('one.csv', LINES))
    const longer = ['c,2001-01-03,5', ...LINES, 'a,2001-01-01,5']
    expect((await importFile(write('longer.csv', longer))).out).toBe('imported 2 events; 3 were in the log already\n')
    expect((await store.read('visit-a', { after: 0, limit: 9 })).length).toBe(3)
  })

  test('import refuses a line with the id of another event, naming the line, the id and the position', async () => {
    const id = '00000000-0000-4000-8000-000000000001'
    const header = 'patient,day,cents,id'
    await importFile(write('one.csv', [`a,2001-01-01,5,${id}`], header))
    const { code, err } = await importFile(
      write('other.csv', [`b,2001-01-01,5,${id.replace('1', '2')}`, `a,2001-01-01,6,${id}`], header),
    )
    expect([code, err]).toEqual([
      65,
      expect.stringContaining(`line 3: the id ${id} is in the log, at position 1, with other data`),
    ])
    expect(await store.head()).toBe(1)
  })

  test.each([
    ['prices.csv', ['id,cents', 'a,5', 'b,9007199254740993']],
    ['prices.jsonl', ['{"id":"a","cents":5,"ref":9007199254740993}', '{"id":"b","cents":9007199254740993}']],
  ])(
    'import refuses a fact of %s with a number that a double rounds, with its line, and takes one that does not use it',
    async (name, lines) => {
      const Price = events('price', { Set: z.object({ cents: z.number() }) })
      const cents = name.endsWith('csv') ? z.string().transform(Number) : z.number()
      const prices = importMap({
        from: Price,
        record: z.object({ id: z.string(), cents }),
        map: ({ id, cents }) => ({ stream: `price-${id}`, event: Price.Set({ cents }) }),
      })
      const file = write(name, lines.slice(1), lines[0])
      const run = (more: object) =>
        runVerb(importVerb, { store, words: [file], values: { map: 'prices', ...more }, maps: { prices } })
      const { code, err } = await run({})
      expect([code, err]).toEqual([65, expect.stringMatching(/line [23]: .*the number 9007199254740993 is beyond/)])
      expect(await store.head()).toBe(0)
      expect((await run({ 'skip-bad': true })).out).toStartWith('imported 1 event')
    },
  )

  test('import refuses a fact whose day does not exist, with its line', async () => {
    const { code, err } = await importFile(write('days.csv', ['a,2001-01-01,5', 'b,2001-02-30,5']))
    expect([code, err]).toEqual([65, expect.stringContaining('line 3: occurredAt: expected a time with its zone, such as')])
    expect(await store.head()).toBe(0)
  })

  test('import tells of a column that the header lacks once, and of no line, also with --skip-bad', async () => {
    const file = write('other.csv', LINES, 'patient,date,price')
    for (const more of [{}, { 'skip-bad': true }]) {
      const { code, err } = await importFile(file, 'visits', more)
      expect([code, err]).toEqual([
        65,
        expect.stringMatching(/: the header lacks the columns day, cents; it has patient, date, price; nothing was imported\n$/),
      ])
    }
    expect(await store.head()).toBe(0)
  })
})

/** Serves a process and a processor of visits, and gives what they did once they had handled the whole log. */
async function actOn(log: Store): Promise<readonly string[]> {
  const done: string[] = []
  const Bill = events('bill', { Sent: z.object({}) })
  const bill = decider(Bill, {
    initial: {},
    evolve: { Sent: state => state },
    commands: { send: z.object({}), remind: z.object({}) },
    decide: { send: () => Bill.Sent({}), remind: () => Bill.Sent({}) },
  })
  const billing = processManager('billing', {
    from: Visit,
    to: bill,
    begins: 'Paid',
    start: 'beginning',
    initial: {},
    evolve: {},
    react: { Paid: (_, __, { instance }) => [bill.send(instance, {}), after('99999 days', 'remind', bill.remind(instance, {}))] },
    on: { rejected: () => [] },
  })
  const mails = processor('mails', {
    from: Visit,
    start: 'beginning',
    handle: ([event]) => done.push(`mailed ${event!.instance}`),
  })
  const emaki = await runtime({ serve: [bill, billing, mails], store: log, report: () => {} })
  await untilProcessed(emaki, await log.head())
  await until('all is sent', async () => (await log.agenda.list({ timers: false, limit: 1 })).length === 0)
  const timers = await log.agenda.list({ timers: true, limit: 10 })
  await emaki.close()
  const sent = (await log.streams({ after: 'bill-', limit: 10, category: 'bill' })).map(({ stream }) => `sent ${stream}`)
  return [...done, ...sent, ...timers.map(({ timer, key }) => `${timer} of ${key}`)].toSorted()
}

describe('what an import brings', () => {
  test('what an import brings is history: nothing is sent for it, timers that lie ahead are set, and import says so', async () => {
    const { err } = await importFile(write('one.csv', ['a,2026-01-01,5']))
    expect(err).toContain('processes fold them, and send nothing for them')
    expect(await actOn(store)).toEqual(['remind of a'])
  })

  test('what an import brings with --act is acted on', async () => {
    const { err } = await importFile(write('one.csv', ['a,2026-01-01,5']), 'visits', { act: true })
    expect(err).not.toContain('history')
    expect(await actOn(store)).toEqual(['mailed a', 'remind of a', 'sent bill-a'])
  })
})

/** Imports a file and stops before it is moved, as a process that is killed does. Gives its name. */
async function leaveUnfinished(file: string): Promise<string> {
  const records = () => recordsOf({ file, format: 'csv', map: visits, cause: 'import:test' })
  await store.import(records, { source: 'one.csv' }).next()
  return (await store.imports())[0]!.name
}

describe('imports', () => {
  test('imports shows what is unfinished and ends it, and doctor warns of it with both ways out', async () => {
    expect((await runVerb(importsVerb, { store })).out).toBe('no import is unfinished\n')
    const name = await leaveUnfinished(write('one.csv', LINES))
    expect((await runVerb(importsVerb, { store })).out).toMatch(new RegExp(`BEGAN .*\n\\S+ +0 of 3 +${name} +one.csv\n`))
    expect(JSON.parse((await runVerb(importsVerb, { store, json: true })).out)).toMatchObject([{ name, moved: 0, total: 3 }])
    const found = JSON.parse((await runVerb(doctorVerb, { store, json: true })).out) as readonly { readonly name: string }[]
    expect(found.find(one => one.name === 'import')).toMatchObject({
      status: 'warning',
      found: expect.stringContaining('one.csv is not finished: 0 of 3 events are moved'),
      fix: `import the same file again, or give it up: \`emaki imports end ${name}\``,
    })
    const { code, err } = await importFile(write('other.csv', ['z,2001-01-01,5']))
    expect([code, err]).toEqual([65, expect.stringContaining(`end it with \`emaki imports end ${name}\``)])
    const ended = await runVerb(importsVerb, { store, words: ['end', name] })
    expect([ended.code, ended.out]).toEqual([0, 'ended the import of one.csv; 0 events of it stay in the log\n'])
    expect((await importFile(write('other.csv', ['z,2001-01-01,5']))).code).toBe(0)
  })

  test('imports refuses a name that it does not know, and other words', async () => {
    expect(await runVerb(importsVerb, { store, words: ['end', 'none'] })).toMatchObject({
      code: 66,
      err: 'there is no unfinished import none\n',
    })
    await expect(runVerb(importsVerb, { store, words: ['end'] })).rejects.toThrow('imports takes no words, or: end NAME')
  })
})
