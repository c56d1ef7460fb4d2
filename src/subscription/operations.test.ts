// What somebody does to subscriptions: by the runtime and by the command line, which are one.
import { afterEach, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { z } from 'zod'
import { liveLeases } from './pausing.ts'
import { pauseVerb, resumeVerb, statusVerb } from '../cli/subscriptions.ts'
import { parkedVerb, unparkVerb } from '../cli/rows.ts'
import { decider } from '../definitions/decider/decider.ts'
import { events, spec } from '../definitions/event/events.ts'
import { every } from '../definitions/recurrence.ts'
import { processor } from '../definitions/processor.ts'
import { projection } from '../definitions/projection/projection.ts'
import { schedule } from '../definitions/schedule.ts'
import type { Notice } from '../ports/report/notice.ts'
import { memory } from '../ports/store/memory.ts'
import type { Store } from '../ports/store/store.ts'
import { type Runtime, runtime } from '../runtime.ts'
import { order } from '../test-support/fulfilment.ts'
import { sqlite } from '../adapters/sqlite/store.ts'
import { cleanUp } from '../test-support/cleanup.ts'
import { newFolder } from '../test-support/sqlite.ts'
import { runVerb } from '../test-support/run-verb.ts'
import { until } from '../test-support/servers/until.ts'
import { untilProcessed } from '../test-support/until-processed.ts'

const Note = events('note', { Written: z.object({ text: z.string() }) })
const note = decider(Note, {
  initial: {},
  evolve: { Written: state => state },
  commands: { write: z.object({ text: z.string() }) },
  decide: { write: (_, data) => Note.Written(data) },
})
const notes = projection('notes', {
  from: Note,
  row: z.object({ text: z.string() }),
  initial: { text: '' },
  evolve: { Written: (_, { text }) => ({ text }) },
})
const nightly = schedule('nightly', {
  every: every('0 3 * * *', { zone: 'UTC' }),
  to: order,
  send: () => order.cancel('o1', { reason: 'night' }),
})

const running: Runtime[] = []
afterEach(async () => {
  for (const one of running.splice(0)) await one.close()
})

/** No node takes over from another that is slow. A node that starts takes what is free at once. */
const LEASE_MS = 3_600_000

/** A log with two nodes, of which the first runs all, and what their processor has read. */
async function startNodes() {
  const store = memory()
  const read: string[] = []
  const broken = new Set<string>()
  const reader = processor('reader', {
    from: Note,
    retry: { forMs: 0 },
    handle: ([event]) => {
      if (broken.has(event!.data.text)) throw new Error('it cannot be read')
      read.push(event!.data.text)
    },
  })
  const serve = [order, note, notes, reader, nightly]
  const start = async () => {
    const emaki = await runtime({ serve, store, leaseMs: LEASE_MS, report: () => {} })
    running.push(emaki)
    return emaki
  }
  const emaki = await start()
  await until('it runs all', async () => (await emaki.status()).every(({ isOwner }) => isOwner))
  const other = await start()
  const write = (text: string) => emaki.send(note.write(text, { text })).then(() => store.head())
  return { store, serve, read, broken, start, emaki, other, write }
}

/** Writes notes before anybody reads them. */
const memoryWriter =
  (store: Store) =>
  (text: string): Promise<unknown> => {
    const schema = Note[spec].types.get('Written')!.fingerprint
    const event = { id: Bun.randomUUIDv7(), type: 'Written', schema, data: JSON.stringify({ text }), meta: '{}' }
    return store.append([{ slices: [{ stream: `note-${text}`, expect: 'any', events: [event] }], keys: [] }])
  }

const isRun = async (node: Runtime) => (await node.status()).some(({ name, isOwner }) => name === 'reader' && isOwner)

describe('a paused subscription', () => {
  test('a paused processor handles nothing on any node, also after a restart, until it is resumed, and misses nothing', async () => {
    const { read, start, emaki, other, write } = await startNodes()
    await untilProcessed(emaki, await write('one'))
    expect(await emaki.pause('reader')).toBeTrue()
    expect(await other.pause('reader')).toBeFalse()
    await until('no node runs it', async () => !(await isRun(emaki)))
    const head = await write('two')
    await start()
    await untilProcessed(other, head, ['notes'])
    const paused = (await other.status()).filter(({ isPaused }) => isPaused)
    expect(paused).toMatchObject([{ name: 'reader', position: 1, lagEvents: 1 }])
    expect(read).toEqual(['one'])
    expect(await other.resume('reader')).toBeTrue()
    expect(await other.resume('reader')).toBeFalse()
    await untilProcessed(await start(), head, ['reader'])
    expect(read).toEqual(['one', 'two'])
    expect((await emaki.status()).some(({ isPaused }) => isPaused)).toBeFalse()
  })

  test('a paused processor begins none of the events that it has read, aborts the one that it handles, and does all after it is resumed', async () => {
    const store = memory()
    const [begun, codes]: [string[], string[]] = [[], []]
    let aborted = 0
    const slow = processor('slow', {
      from: Note,
      start: 'beginning',
      handle: async ([event], { signal }) => {
        begun.push(event!.data.text)
        if (begun.length > 1) return
        await new Promise(resolve => signal.addEventListener('abort', resolve))
        aborted++
        throw signal.reason
      },
    })
    const start = async () => {
      const report = (one: unknown) => codes.push((one as Notice).code)
      const node = await runtime({ serve: [note, slow], store, leaseMs: LEASE_MS, report })
      running.push(node)
      return node
    }
    const before = memoryWriter(store)
    for (const text of ['one', 'two', 'three']) await before(text)
    const emaki = await start()
    await until('it has begun', () => begun.length === 1)
    await emaki.pause('slow')
    await until('it has ended', async () => (await emaki.status()).every(({ isOwner }) => !isOwner))
    expect([begun, aborted, codes]).toEqual([['one'], 1, []])
    await emaki.resume('slow')
    await untilProcessed(await start(), 3)
    expect(begun).toEqual(['one', 'one', 'two', 'three'])
  })

  test('a paused projection keeps its rows as they were, and a paused schedule its time', async () => {
    const { store, emaki, start, write } = await startNodes()
    await untilProcessed(emaki, await write('one'))
    await until('the schedule has begun', async () => (await store.agenda.find('schedule_nightly')) !== null)
    for (const name of ['notes', 'nightly']) expect(await emaki.pause(name)).toBeTrue()
    const head = await write('two')
    await untilProcessed(emaki, head, ['reader'])
    expect(await emaki.row(notes, 'two')).toBeNull()
    expect((await liveLeases(store.readModel)).map(({ name }) => name)).toEqual(['commands', 'reader'])
    for (const name of ['notes', 'nightly']) expect(await emaki.resume(name)).toBeTrue()
    const next = await start()
    await untilProcessed(next, head, ['notes'])
    expect(await next.row(notes, 'two')).toMatchObject({ text: 'two' })
  })

  test('a paused subscription is not reset, and what has not begun or does not exist is not paused', async () => {
    const { emaki, write } = await startNodes()
    await untilProcessed(emaki, await write('one'))
    await emaki.pause('reader')
    await expect(emaki.reset('reader', 0)).rejects.toThrow('reader is paused: resume it, and reset it then')
    await expect(emaki.pause('writer')).rejects.toThrow('is named writer; there are notes, reader, nightly')
    const fresh = await runVerb(pauseVerb, { store: memory(), serve: [notes], words: ['notes'] }).catch(String)
    expect(fresh).toContain('notes has not begun yet')
  })
})

describe('operations', () => {
  test('operations on parked keys are the same by the runtime and by the command line', async () => {
    const { store, serve, broken, emaki, write } = await startNodes()
    for (const text of ['a', 'b']) broken.add(text)
    for (const text of ['a', 'b', 'c']) await write(text)
    await until('two are parked', async () => (await emaki.parked('reader')).length === 2)
    expect(JSON.parse((await runVerb(parkedVerb, { store, serve, words: ['reader'], json: true })).out)).toEqual(
      await emaki.parked('reader'),
    )
    // What is paused takes up nothing that is asked meanwhile.
    await emaki.pause('reader')
    const asked = async () => (await emaki.parked()).map(({ key, again }) => [key, again])
    expect(await emaki.skip('reader', 'note-a')).toBe(1)
    expect(await asked()).toEqual([
      ['note-a', 'skip'],
      ['note-b', null],
    ])
    const { out } = await runVerb(unparkVerb, { store, serve, words: ['reader', 'note-b'] })
    expect(out).toBe('1 will be handled again\n')
    expect(await asked()).toEqual([
      ['note-a', 'skip'],
      ['note-b', 'whole'],
    ])
    expect(await emaki.unpark('notes')).toBe(0)
  })

  test('operations show, pause and resume a subscription by the command line, beside its server', async () => {
    const { store, serve, emaki, write } = await startNodes()
    await untilProcessed(emaki, await write('one'))
    const run = async (verb: typeof pauseVerb) => (await runVerb(verb, { store, serve, words: ['reader'] })).out
    expect([await run(pauseVerb), await run(pauseVerb)]).toEqual(['reader is paused\n', 'reader is paused already\n'])
    const { out } = await runVerb(statusVerb, { store, serve })
    expect(out.split('\n').map(line => line.split(/ {2,}/))).toEqual([
      ['SUBSCRIPTION', 'KIND', 'POSITION', 'LAG', 'PARKED', 'IN RETRY', 'STATE'],
      ['notes_v1', 'projection', '1', '0', '0', '0', 'ok'],
      ['reader', 'processor', '1', '0', '0', '0', 'paused'],
      ['schedule_nightly', 'schedule', '—', '—', '—', '—', 'ok'],
      [''],
    ])
    const shown = JSON.parse((await runVerb(statusVerb, { store, serve, json: true })).out) as readonly { isOwner: boolean }[]
    expect(shown.map(one => ({ ...one, isOwner: false }))).toEqual(
      (await emaki.status()).map(one => ({ ...one, isOwner: false })),
    )
    expect([await run(resumeVerb), await run(resumeVerb)]).toEqual(['reader goes on\n', 'reader is not paused\n'])
  })
})

test('a processor is reset only to a position that is given, as it would handle every event again', async () => {
  const emaki = await runtime({ serve: [note, processor('mails', { from: Note, handle: () => {} })], store: memory() })
  running.push(emaki)
  await expect(emaki.reset('mails')).rejects.toThrow(
    'mails is a processor: give the position after which it goes on; 0 handles every event again',
  )
  await emaki.reset('mails', 0)
})

describe('a pause and a restart', () => {
  afterEach(cleanUp)

  test('what is paused stays paused when the only process of a file starts again', async () => {
    const file = join(newFolder(), 'log.db')
    const start = async () => {
      const emaki = await runtime({ serve: [note, notes, order, nightly], store: sqlite(file) })
      running.push(emaki)
      return emaki
    }
    const first = await start()
    expect([await first.pause('notes'), await first.pause('nightly')]).toEqual([true, true])
    await running.pop()!.close()
    const second = await start()
    expect((await second.status()).find(({ name }) => name === 'notes_v1')?.isPaused).toBe(true)
    await second.send(note.write('n1', { text: 'later' }))
    expect(await second.row(notes, 'n1')).toBeNull()
    expect([await second.resume('notes'), await second.resume('nightly')]).toEqual([true, true])
    await untilProcessed(second as never, 1)
    expect(await second.row(notes, 'n1')).toMatchObject({ text: 'later' })
    await running.pop()!.close()
  })
})
