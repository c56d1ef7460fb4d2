// Out of one log and into another: what is lost on the way, and what is not.
import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { encode } from '../definitions/event/payload.ts'
import { memory } from '../ports/store/memory.ts'
import { sqlite } from '../adapters/sqlite/store.ts'
import type { NewEvent, StoredEvent } from '../ports/store/event.ts'
import type { Store } from '../ports/store/store.ts'
import { cloudEvent } from './cloud-event.ts'
import { exportLines } from './export.ts'
import { recordsOf } from './records.ts'
import { members, recordOfLine, storedLine } from './stored-line.ts'

const folder = mkdtempSync(join(tmpdir(), 'emaki-transfer-'))
afterAll(() => rmSync(folder, { recursive: true }))

const event = (data: string, meta = '{}'): NewEvent => ({
  id: Bun.randomUUIDv7(),
  type: 'Happened',
  schema: 'abcdefghij',
  data,
  meta,
})
const buildStored = (data: string, meta = '{}'): StoredEvent => ({
  ...event(data, meta),
  stream: 'order-1',
  version: 1,
  position: 1,
  at: '2026-01-02T03:04:05.678Z',
})

async function readAllEvents(store: Store): Promise<readonly StoredEvent[]> {
  return store.readAll({ after: 0, limit: 100_000 })
}

/** An export written to a file and imported from it. */
async function copyLog(from: Store, to: Store): Promise<void> {
  const file = join(folder, `${Bun.randomUUIDv7()}.jsonl`)
  const pages = await Array.fromAsync(exportLines(from))
  writeFileSync(file, pages.map(({ text }) => text).join(''))
  await Array.fromAsync(to.import(() => recordsOf({ file, format: 'jsonl', cause: 'test' }), { source: 'test' }))
}

/** JSON as somebody else may have written it: numbers, spaces and escapes that parsing and writing anew would change. */
const ODD = [
  '1.0',
  '1e2',
  '{"b":1,"2":2,"1":1}',
  '"\\u00e9\\/"',
  '[ 1 ,\t{"a" : "}\\\\\\""} ]',
  '12345678901234567890',
  '{"a":1,"a":2}',
  '""',
]
const payload = fc.oneof(
  fc
    .json({ maxDepth: 4 })
    // What can be in a log: encode refuses a key of that name.
    .filter(text => !text.includes('__proto__'))
    .map(text => encode(JSON.parse(text.replaceAll('-0', '0')))),
  fc.constantFrom(...ODD),
)
const meta = fc.constantFrom(
  '{}',
  '{"correlation":"c","causation":"a"}',
  '{"occurredAt":"2001-01-01T00:00:00Z"}',
  '{"actor":"}\\"{"}',
)

describe('an export, imported', () => {
  test('an export, imported, gives the same streams, versions, ids and payload bytes, in the same order, with their times', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ stream: fc.constantFrom('a-1', 'a-2', 'b-é\t"\\'), data: payload, meta }), {
          minLength: 1,
          maxLength: 30,
        }),
        async events => {
          const first = memory()
          for (const { stream, data, meta } of events)
            await first.append([{ slices: [{ stream, expect: 'any', events: [event(data, meta)] }], keys: [] }])
          const second = memory()
          await copyLog(first, second)
          const [before, after] = [await readAllEvents(first), await readAllEvents(second)]
          const withoutTimes = ({ at: _, meta: __, ...rest }: StoredEvent) => rest
          expect(after.map(withoutTimes)).toEqual(before.map(withoutTimes))
          for (const [i, { meta, at }] of before.entries())
            expect(JSON.parse(after[i]!.meta)).toEqual({ occurredAt: at, history: true, ...(JSON.parse(meta) as object) })
          // From the second copy on nothing changes any more.
          const third = memory()
          await copyLog(second, third)
          expect((await readAllEvents(third)).map(({ meta }) => meta)).toEqual(after.map(({ meta }) => meta))
        },
      ),
      { numRuns: 100 },
    ))

  test('an export from SQLite is of one moment, without what is appended meanwhile', async () => {
    const store = sqlite(join(folder, 'log.db'))
    await store.open()
    const append = () => store.append([{ slices: [{ stream: 'a-1', expect: 'any', events: [event('1')] }], keys: [] }])
    for (let i = 0; i < 1_200; i++) await append()
    let events = 0
    for await (const page of exportLines(store)) {
      events += page.events
      await append()
    }
    expect(events).toBe(1_200)
    await store.close()
  })
})

describe('a line', () => {
  test('a line of an export gives back each field as it is written', () => {
    for (const text of ODD) expect(recordOfLine(storedLine(buildStored(text))).data).toBe(text)
    expect(Object.fromEntries(members(' { "a" : [1, {"b":"}"}] , "c\\"" :  1.50 } '))).toEqual({
      a: '[1, {"b":"}"}]',
      'c"': '1.50',
    })
    expect([...members('{}')]).toEqual([])
  })

  test('a line that is none of an export is refused with what is wrong with it', () => {
    const good = JSON.parse(storedLine(buildStored('1'))) as Record<string, unknown>
    const readChanged = (change: object) => () => recordOfLine(JSON.stringify({ ...good, ...change }))
    expect(readChanged({})).not.toThrow()
    expect(readChanged({ id: 'A' })).toThrow('id: expected a UUID')
    expect(readChanged({ stream: 'order' })).toThrow('stream: expected category-instance')
    expect(readChanged({ stream: 'a-\0' })).toThrow('stream: expected category-instance')
    for (const stream of ['a-.', 'a-..']) expect(readChanged({ stream })).toThrow('an id is neither . nor ..')
    expect(readChanged({ type: 'a b' })).toThrow('type')
    expect(readChanged({ schema: '' })).toThrow('schema')
    expect(readChanged({ at: 'today' })).toThrow('at: expected a time')
    expect(readChanged({ meta: [] })).toThrow('meta')
    expect(readChanged({ data: undefined })).toThrow('data: is missing')
    expect(readChanged({ data: JSON.parse('['.repeat(70) + ']'.repeat(70)) })).toThrow('nested deeper than 64')
    expect(() => recordOfLine('{')).toThrow('is no JSON')
    expect(() => recordOfLine('[]')).toThrow('expected an object')
  })
})

describe('a CloudEvent', () => {
  test('a CloudEvent has what the specification asks for, under names that it allows, and the payload as it is stored', () => {
    const line = cloudEvent(buildStored('{"n":1.0}', '{"correlation":"c","causation":"a","occurredAt":"2001-01-01T00:00:00Z"}'), {
      id: Bun.randomUUIDv7(),
      epoch: 1,
    })
    expect(line.endsWith(',"data":{"n":1.0}}')).toBe(true)
    const written = JSON.parse(line) as Record<string, unknown>
    expect(written).toMatchObject({
      specversion: '1.0',
      type: 'order.Happened',
      subject: 'order-1',
      time: '2001-01-01T00:00:00Z',
    })
    for (const required of ['id', 'source', 'specversion', 'type']) expect(written[required]).toBeString()
    for (const [name, value] of Object.entries(written)) {
      expect(name).toMatch(/^[a-z0-9]{1,20}$/)
      if (name !== 'data') expect(['string', 'number']).toContain(typeof value)
    }
  })
})
