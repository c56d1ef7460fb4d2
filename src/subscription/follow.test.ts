// Following the log without a checkpoint: where it begins, where it ends, and what becomes of a log that is away.
import { afterEach, expect, test } from 'bun:test'
import { z } from 'zod'
import { decider } from '../definitions/decider/decider.ts'
import { events } from '../definitions/event/events.ts'
import { memory } from '../ports/store/memory.ts'
import type { Notice } from '../ports/report/notice.ts'
import type { Store } from '../ports/store/store.ts'
import { type Runtime, runtime } from '../runtime.ts'

const Note = events('note', { Written: z.object({ text: z.string() }), Torn: z.object({}) })
const note = decider(Note, {
  initial: {},
  evolve: { Written: state => state, Torn: state => state },
  commands: { write: z.object({ text: z.string() }), tear: z.object({}) },
  decide: { write: (_, data) => Note.Written(data), tear: () => Note.Torn({}) },
})
const running: Runtime[] = []
afterEach(async () => {
  for (const one of running.splice(0)) await one.close()
})

/** A log with the notes a, b and c, of which b is torn. */
async function startNotes(store: Store = memory(), report: (one: unknown) => void = () => {}) {
  const emaki = await runtime({ serve: [note], store, report })
  running.push(emaki)
  const write = (text: string) => emaki.send(note.write(text, { text }))
  await write('a')
  await write('b')
  await emaki.send(note.tear('b', {}))
  await write('c')
  return { emaki, write }
}

test('who follows to the head gets what is in the log, of the types that it names, and is done', async () => {
  const { emaki } = await startNotes()
  const all = await Array.fromAsync(emaki.follow({ from: Note, start: 'beginning', until: 'head' }))
  expect(all.map(({ type, position }) => [type, position])).toEqual([
    ['Written', 1],
    ['Written', 2],
    ['Torn', 3],
    ['Written', 4],
  ])
  const some = await Array.fromAsync(emaki.follow({ from: Note, types: ['Written'], start: 1, until: 'head' }))
  expect(some.map(({ data }) => data.text)).toEqual(['b', 'c'])
  const none = await Array.fromAsync(emaki.follow({ from: Note, until: 'head' }))
  expect(none).toEqual([])
  const first = await Array.fromAsync(emaki.follow({ from: Note, start: 'beginning', until: 2 }))
  expect(first.map(({ position }) => position)).toEqual([1, 2])
})

test('who follows some streams or correlations gets their facts alone, as those of both where both are named', async () => {
  const { emaki } = await startNotes()
  await emaki.send(note.write('a', { text: 'again' }), { correlation: 'c1' })
  await emaki.send(note.tear('c', {}), { correlation: 'c1' })
  await emaki.send(note.tear('a', {}), { correlation: 'c2' })
  const positions = async (some: { streams?: readonly string[]; correlations?: readonly string[] }) => {
    const found = await Array.fromAsync(emaki.follow({ from: Note, start: 'beginning', until: 'head', ...some }))
    return found.map(({ position }) => position)
  }
  expect(await positions({ streams: ['note-a', 'note-b'] })).toEqual([1, 2, 3, 5, 7])
  expect(await positions({ correlations: ['c1'] })).toEqual([5, 6])
  expect(await positions({ correlations: ['c1', 'c2'], streams: ['note-a'] })).toEqual([5, 7])
  expect(await positions({ correlations: ['none'] })).toEqual([])
})

test('who follows from now on gets what comes, in order, until an event that ends the loop', async () => {
  const { emaki, write } = await startNotes()
  const following = emaki.follow({ from: Note, types: ['Written'] })
  const next = following.next()
  // It begins at the head that it finds.
  await emaki.follow({ from: Note, until: 'head' }).next()
  for (const text of ['d', 'e', 'f']) await write(text)
  const read = [(await next).value!.data.text]
  for await (const { data } of following) {
    read.push(data.text)
    if (data.text === 'f') break
  }
  expect(read).toEqual(['d', 'e', 'f'])
})

test('who follows ends without an error as the signal aborts, and as the runtime closes', async () => {
  const { emaki } = await startNotes()
  const stop = new AbortController()
  const aborted = emaki.follow({ from: Note, signal: stop.signal }).next()
  const closed = emaki.follow({ from: Note }).next()
  stop.abort()
  expect(await aborted).toEqual({ done: true, value: undefined })
  await emaki.close()
  running.pop()
  expect(await closed).toEqual({ done: true, value: undefined })
})

test('who follows a log that is away for a while misses nothing, and it is said once', async () => {
  const store = memory()
  let failures = 0
  const readAll: Store['readAll'] = options => {
    if (options.after === 0 && failures++ < 3) throw new Error('the log is away')
    return store.readAll(options)
  }
  const reported: string[] = []
  const { emaki } = await startNotes(Object.assign(Object.create(store) as Store, { readAll }), one =>
    reported.push((one as Notice).code),
  )
  // The tail begins behind them, so they are read from the log.
  const all = await Array.fromAsync(emaki.follow({ from: Note, start: 'beginning', until: 'head' }))
  expect(all.length).toBe(4)
  expect(failures).toBeGreaterThan(3)
  expect(reported.filter(code => code.startsWith('retry'))).toEqual(['retry-began', 'retry-ended'])
})

test('who follows is refused a type that its families do not have, and a start that is none', async () => {
  const { emaki } = await startNotes()
  await expect(emaki.follow({ from: Note, types: ['Burnt' as 'Torn'] }).next()).rejects.toThrow(
    'Burnt is no event of its families',
  )
  await expect(emaki.follow({ from: Note, start: 'soon' as 'now' }).next()).rejects.toThrow("start is 'beginning'")
})
