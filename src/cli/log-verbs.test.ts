// The verbs that show the log, or take it elsewhere: streams, events, replay, export and import.
import { beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runtime } from '../runtime.ts'
import { memory } from '../ports/store/memory.ts'
import { DamagedStream } from '../ports/store/sequence.ts'
import type { StoredEvent } from '../ports/store/event.ts'
import type { Store } from '../ports/store/store.ts'
import { runVerb } from '../test-support/run-verb.ts'
import { order, shelf, shop } from '../test-support/fulfilment.ts'
import { until } from '../test-support/servers/until.ts'
import { changesBetween } from './changes.ts'
import { eventsVerb } from './events.ts'
import { exportVerb } from './export.ts'
import { importVerb } from './import.ts'
import { paintFor, plain } from '../lib/paint.ts'
import { refusalsVerb } from './refusals.ts'
import { replayVerb } from './replay.ts'
import { streamsVerb } from './streams.ts'

let store: Store
beforeAll(async () => {
  store = memory()
  const emaki = await runtime({ serve: [order, shelf], store })
  for (const id of ['o1', 'o2', 'o3']) await emaki.send(order.place(id, { skus: ['a'], cents: 5 }))
  await emaki.send(shelf.fill('a', { qty: 2 }))
  await emaki.send(order.cancel('o2', { reason: 'changed mind' }))
  await emaki.close()
})
const lines = (text: string) => text.trimEnd().split('\n')

describe('a verb that finds nothing', () => {
  for (const [verb, values, words, said] of [
    [
      eventsVerb,
      { type: 'order.Plcaed' },
      [],
      'there are no such events\nthe app has no event order.Plcaed; did you mean order.Placed?',
    ],
    [eventsVerb, { type: 'Plcaed' }, [], 'the app has no event Plcaed;'],
    [eventsVerb, { category: 'oder' }, [], 'the app has no category oder; did you mean order?'],
    [eventsVerb, { stream: 'oder-o1' }, [], 'the app has no category oder; did you mean order?'],
    [streamsVerb, {}, ['oder'], 'the app has no category oder; did you mean order?'],
    [refusalsVerb, { command: 'order.plcae' }, [], 'the app has no command order.plcae; did you mean order.place?'],
  ] as const)
    test(`a verb that finds nothing says that the app does not know ${JSON.stringify(values)} ${words}`, async () => {
      const { code, err } = await runVerb(verb, { store, values, words, serve: shop })
      expect([code, err]).toEqual([0, expect.stringContaining(said)])
    })

  for (const [verb, values] of [
    [eventsVerb, { stream: 'order-o9' }],
    [eventsVerb, { type: 'Placed', category: 'shelf' }],
    [refusalsVerb, { command: 'order.place' }],
  ] as const)
    test(`a verb that finds nothing of names that the app knows names none: ${JSON.stringify(values)}`, async () => {
      const { err } = await runVerb(verb, { store, values, serve: shop })
      expect(err).not.toContain('the app has no')
    })
})

describe('streams', () => {
  test('streams lists streams by name with version and time, a page at a time, of a category where it is named', async () => {
    const { code, out, err } = await runVerb(streamsVerb, { store })
    expect([code, err]).toEqual([0, ''])
    expect(lines(out).map(line => line.split(/ +/).slice(0, 3))).toEqual([
      ['STREAM', 'VERSION', 'POSITION'],
      ['order-o1', '1', '1'],
      ['order-o2', '2', '5'],
      ['order-o3', '1', '3'],
      ['shelf-a', '1', '4'],
    ])
    const page = await runVerb(streamsVerb, { store, words: ['order'], values: { limit: '2' }, json: true })
    expect(JSON.parse(page.out)).toMatchObject({
      streams: [{ stream: 'order-o1' }, { stream: 'order-o2', version: 2 }],
      next: 'order-o2',
    })
    const next = await runVerb(streamsVerb, { store, words: ['order'], values: { limit: '2', after: 'order-o2' }, json: true })
    expect(JSON.parse(next.out)).toMatchObject({ streams: [{ stream: 'order-o3' }], next: null })
    expect((await runVerb(streamsVerb, { store, values: { limit: '1' } })).err).toBe('there may be more: --after order-o1\n')
    expect((await runVerb(streamsVerb, { store, words: ['none'] })).out).toBe('there are no such streams\n')
  })

  test('streams refuses a limit that is no number', async () => {
    for (const limit of ['0', 'many', '-1', '1.5'])
      await expect(runVerb(streamsVerb, { store, values: { limit } })).rejects.toThrow('--limit takes a whole number')
  })
})

describe('events', () => {
  const positions = async (values: Record<string, string | boolean>) => {
    const { out } = await runVerb(eventsVerb, { store, values, json: true })
    return out === '' ? [] : lines(out).map(line => Number((JSON.parse(line) as { globalposition: string }).globalposition))
  }

  test('events shows the last ones, or those after a position, narrowed down by category, type and stream', async () => {
    expect(await positions({})).toEqual([1, 2, 3, 4, 5])
    expect(await positions({ limit: '2' })).toEqual([4, 5])
    expect(await positions({ after: '1', limit: '2' })).toEqual([2, 3])
    expect(await positions({ after: '5' })).toEqual([])
    expect(await positions({ category: 'shelf' })).toEqual([4])
    expect(await positions({ type: 'Placed', limit: '2' })).toEqual([2, 3])
    expect(await positions({ type: 'order.Cancelled' })).toEqual([5])
    expect(await positions({ type: 'shelf.Cancelled' })).toEqual([])
    expect(await positions({ stream: 'order-o2' })).toEqual([2, 5])
    expect(await positions({ stream: 'order-o2', limit: '1' })).toEqual([5])
    expect(await positions({ stream: 'order-o2', after: '2' })).toEqual([5])
    expect(await positions({ stream: 'order-none' })).toEqual([])
  })

  test('events --reverse shows the last ones, the newest first, and takes no --after and no --follow', async () => {
    expect(await positions({ reverse: true, limit: '2' })).toEqual([5, 4])
    expect(await positions({ reverse: true, type: 'Placed' })).toEqual([3, 2, 1])
    expect(await positions({ reverse: true, stream: 'order-o2' })).toEqual([5, 2])
    expect(await positions({ reverse: true, stream: 'order-o2', type: 'order.Placed', limit: '1' })).toEqual([2])
    expect(await positions({ stream: 'order-o2', type: 'shelf.Placed' })).toEqual([])
    for (const other of [{ after: '1' }, { follow: true }])
      await expect(positions({ reverse: true, ...other })).rejects.toThrow('--reverse shows the last events')
  })

  test('events of a stream reads the last of a type from the end of the stream, and no more', async () => {
    const long = memory()
    const filled = (type: string, i: number) => ({ id: `${type}${i}`, type, schema: 's', data: `{"qty":${i}}`, meta: '{}' })
    const noise = Array.from({ length: 3_000 }, (_, i) => filled('Filled', i))
    await long.append([{ slices: [{ stream: 'shelf-b', expect: 0, events: [filled('Rare', 0), ...noise] }], keys: [] }])
    const read: number[] = []
    const counted: Store = {
      ...long,
      read: async (...asked) => {
        const page = await long.read(...asked)
        read.push(page.length)
        return page
      },
    }
    const { out } = await runVerb(eventsVerb, { store: counted, values: { stream: 'shelf-b', type: 'Rare', limit: '1' } })
    expect(lines(out)).toEqual([expect.stringContaining('shelf-b@1')])
    expect((await runVerb(eventsVerb, { store: counted, values: { stream: 'shelf-b', limit: '1' } })).out).toContain(
      'shelf-b@3001',
    )
    expect(read).toEqual([1, 1])
  })

  test('events --correlation shows all that one request led to, in order, and says where it looked', async () => {
    const log = memory()
    const event = (i: number) => ({
      id: `e${i}`,
      type: 'Filled',
      schema: 's',
      data: '{"qty":1}',
      meta: JSON.stringify({ correlation: i % 50 ? 'other' : 'c,1', causation: 'c,1' }),
    })
    const all = Array.from({ length: 120 }, (_, i) => event(i))
    await log.append([{ slices: [{ stream: 'shelf-b', expect: 0, events: all }], keys: [] }])
    const found = async (values: Record<string, string>) => {
      const { out, err } = await runVerb(eventsVerb, { store: log, values: { correlation: 'c,1', ...values }, json: true })
      return [
        out === '' ? [] : lines(out).map(line => Number((JSON.parse(line) as { globalposition: string }).globalposition)),
        err,
      ]
    }
    expect(await found({})).toEqual([[1, 51, 101], 'looked at positions 1 to 120\n'])
    expect(await found({ after: '1' })).toEqual([[51, 101], 'looked at positions 2 to 120\n'])
    expect(await found({ limit: '2' })).toEqual([[1, 51], 'looked at positions 1 to 51\n'])
    expect(await found({ stream: 'shelf-b', type: 'Filled' })).toEqual([[1, 51, 101], 'looked at positions 1 to 120\n'])
    expect(await found({ correlation: 'c' })).toEqual([[], 'looked at positions 1 to 120\n'])
    const long: Store = { ...log, head: async () => 1_000_110 }
    expect((await runVerb(eventsVerb, { store: long, values: { correlation: 'c,1' } })).err).toBe(
      'looked at positions 111 to 1000110; --after 0 looks at all before it\n',
    )
    await expect(found({ reverse: true as never })).rejects.toThrow('--reverse shows the last events')
  })

  test('events finds the last that pass, however far back they are', async () => {
    const long = memory()
    const emaki = await runtime({ serve: [order, shelf], store: long })
    await emaki.send(order.place('first', { skus: [], cents: 1 }))
    for (let i = 0; i < 3; i++) await emaki.send(shelf.fill('a', { qty: 1 }))
    const noise = Array.from({ length: 6_000 }, () => ({
      id: Bun.randomUUIDv7(),
      type: 'Filled',
      schema: 's',
      data: '{"qty":1}',
      meta: '{}',
    }))
    await long.append([{ slices: [{ stream: 'shelf-b', expect: 0, events: noise }], keys: [] }])
    await emaki.close()
    const { out } = await runVerb(eventsVerb, { store: long, values: { category: 'order' } })
    expect(lines(out)).toHaveLength(1)
    expect(out).toMatch(/^ {7}1 {2}\S+ {2}order-first@1 {2}Placed {2}\{/)
    const some = await runVerb(eventsVerb, { store: long, values: { stream: 'shelf-b', limit: '1500' } })
    expect(lines(some.out)).toHaveLength(1_500)
    expect(lines(some.out).at(-1)).toContain('shelf-b@6000')
  })

  test('events --follow shows events as they are appended, up to a limit', async () => {
    const growing = memory()
    const emaki = await runtime({ serve: [order, shelf], store: growing })
    await emaki.send(order.place('o1', { skus: [], cents: 1 }))
    const following = runVerb(eventsVerb, {
      store: growing,
      values: { follow: true, after: '0', limit: '3', category: 'order' },
      json: true,
    })
    let isOver = false
    void following.then(() => {
      isOver = true
    })
    let sent = 1
    await until('three have been shown', async () => {
      await emaki.send(shelf.fill('a', { qty: 1 }))
      await emaki.send(order.place(`o${++sent}`, { skus: [], cents: 1 }))
      growing.announce(await growing.head())
      return isOver
    })
    const { code, out } = await following
    expect(code).toBe(0)
    expect(lines(out).map(line => (JSON.parse(line) as { subject: string }).subject)).toEqual([
      'order-o1',
      'order-o2',
      'order-o3',
    ])
    await emaki.close()
  })
})

test('an export, and an import, use the store that their app names', async () => {
  const { code, out } = await runVerb(exportVerb, { store })
  expect([code, lines(out)]).toEqual([0, Array.from({ length: 5 }, () => expect.stringContaining('"id"'))])
  const folder = mkdtempSync(join(tmpdir(), 'emaki-export-'))
  const file = join(folder, 'log.jsonl')
  await Bun.write(file, out)
  const other = memory()
  expect(await runVerb(importVerb, { store: other, words: [file] })).toMatchObject({ code: 0 })
  expect(await other.head()).toBe(5)
  rmSync(folder, { recursive: true })
})

describe('a replay', () => {
  test('a replay shows each event with what it changed in the state, and the state at the end', async () => {
    const { code, out } = await runVerb(replayVerb, { store, serve: shop, words: ['order-o2'] })
    expect(code).toBe(0)
    expect(lines(out).map(line => line.replace(/\S+Z/, 'AT'))).toEqual([
      '  1  AT  Placed  {"skus":["a"],"cents":5}',
      '    status: "none" → "placed"',
      '  2  AT  Cancelled  {"reason":"changed mind"}',
      '    status: "placed" → "cancelled"',
      '',
      'the state at version 2:',
      '{',
      '  "status": "cancelled"',
      '}',
    ])
  })

  test('a replay stops at a version, and gives each step as JSON', async () => {
    const { out } = await runVerb(replayVerb, { store, serve: shop, words: ['order-o2'], values: { at: '1' }, json: true })
    expect(lines(out).map(line => JSON.parse(line))).toMatchObject([
      { version: 1, type: 'Placed', position: 2, state: { status: 'placed' } },
    ])
  })

  test('a replay ends with 66 for a stream that does not exist, 65 for an unreadable event, and refuses what has no decider', async () => {
    expect(await runVerb(replayVerb, { store, serve: shop, words: ['order-none'] })).toMatchObject({
      code: 66,
      err: 'there is no stream order-none\n',
    })
    await expect(runVerb(replayVerb, { store, serve: shop, words: ['none-1'] })).rejects.toThrow(
      'none-1 is not a stream of a decider; there are order, shelf, purse',
    )
    const strange = memory()
    const event = { id: Bun.randomUUIDv7(), type: 'Strange', schema: 's', data: '{}', meta: '{}' }
    await strange.append([{ slices: [{ stream: 'order-o1', expect: 0, events: [event] }], keys: [] }])
    expect(await runVerb(replayVerb, { store: strange, serve: shop, words: ['order-o1'] })).toMatchObject({
      code: 65,
      err: expect.stringContaining('order-o1 has at version 1 an event Strange that cannot be read'),
    })
  })

  test('a replay finds what changed, however deep, what came and what went', () => {
    expect(changesBetween({ a: { b: [1, 2], c: 1 }, d: 1 }, { a: { b: [1, 3, 4], c: 1 } })).toEqual([
      { path: ['a', 'b', '1'], before: 2, after: 3 },
      { path: ['a', 'b', '2'], before: undefined, after: 4 },
      { path: ['d'], before: 1, after: undefined },
    ])
    expect(changesBetween({ a: [1] }, { a: { 0: 1 } })).toEqual([{ path: ['a'], before: [1], after: { 0: 1 } }])
    expect(changesBetween(null, null)).toEqual([])
    expect(changesBetween(undefined, 1)).toEqual([{ path: [], before: undefined, after: 1 }])
  })
})

describe('a terminal', () => {
  test('a terminal gets colours, unless NO_COLOR is set, and a file gets none', () => {
    expect(paintFor({ isTTY: true }, {}).red('x')).toBe('\x1b[31mx\x1b[39m')
    for (const paint of [paintFor({ isTTY: true }, { NO_COLOR: '1' }), paintFor({}, {})]) expect(paint.red('x')).toBe('x')
  })

  test('a terminal obeys no control character that somebody stored', () => {
    expect(plain('a\x1b[2Jb\nc\u009b')).toBe('a\\u001b[2Jb\\u000ac\\u009b')
  })
})

test('a stream whose name has no instance is of no category, and its events are of no decider', async () => {
  const other = memory()
  const stored = { id: Bun.randomUUIDv7(), type: 'Placed', schema: 's', data: '{}', meta: '{}' }
  await other.append([{ slices: [{ stream: 'order', expect: 'any', events: [stored] }], keys: [] }])
  expect((await runVerb(eventsVerb, { store: other, values: { category: 'order' }, json: true })).out).toBe('')
  expect((await runVerb(eventsVerb, { store: other, values: { stream: 'order' }, json: true })).out).toContain(stored.id)
  await expect(runVerb(replayVerb, { store: other, words: ['order'], serve: [order] })).rejects.toThrow(
    'order is not a stream of a decider',
  )
})

test('events and replay stop before a hole instead of passing over it', async () => {
  const withoutOne = (events: readonly StoredEvent[]) =>
    events.filter(({ stream, version }) => stream !== 'order-o2' || version !== 1)
  const damaged: Store = {
    ...store,
    read: async (stream, options) => withoutOne(await store.read(stream, options)),
    readAll: async options => withoutOne(await store.readAll(options)),
  }
  for (const values of [{}, { after: '0' }, { stream: 'order-o2' }, { category: 'order' }])
    await expect(runVerb(eventsVerb, { store: damaged, values, json: true })).rejects.toThrow(DamagedStream)
  const replayed = runVerb(replayVerb, { store: damaged, words: ['order-o2'], serve: [order] })
  await expect(replayed).rejects.toThrow('order-o2 is damaged: version 1 is expected, 2 is found at position 5')
})
