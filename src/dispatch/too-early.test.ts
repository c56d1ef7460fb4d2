// A command that comes too early: it is refused for now, and has its effect when it comes again.
import { afterEach, describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { decider } from '../definitions/decider/decider.ts'
import { reject } from '../definitions/decider/reject.ts'
import { events } from '../definitions/event/events.ts'
import { processManager } from '../definitions/process/process.ts'
import type { Notice } from '../ports/report/notice.ts'
import { memory } from '../ports/store/memory.ts'
import { type Runtime, runtime, startServices } from '../runtime.ts'
import { decide } from '../testing/decide.ts'
import { until } from '../test-support/servers/until.ts'
import { inbox } from './inbox.ts'

const None = z.object({})
const Door = events('door', { Opened: None, Shut: None, Entered: z.object({ guest: z.string() }) })
const door = decider(Door, {
  initial: { isOpen: false },
  evolve: { Opened: () => ({ isOpen: true }), Shut: () => ({ isOpen: false }), Entered: state => state },
  commands: { open: None, shut: None, enter: z.object({ guest: z.string() }), knock: None },
  decide: {
    open: () => Door.Opened({}),
    shut: () => Door.Shut({}),
    enter: ({ isOpen }, { guest }) =>
      isOpen ? Door.Entered({ guest }) : reject.later('shut', { after: '1 minute', data: { guest } }),
    // Short, as it is waited for in earnest.
    knock: ({ isOpen }) => (isOpen ? Door.Entered({ guest: 'knocked' }) : reject.later('shut', { after: '0.001 seconds' })),
  },
})
const early = { outcome: 'later', code: 'shut', data: { guest: 'ada' }, retryAfterMs: 60_000 } as const
const entered = { outcome: 'accepted', events: [Door.Entered({ guest: 'ada' })] } as const
const enter = door.enter('d1', { guest: 'ada' })

const closing: { close(): Promise<unknown> }[] = []
afterEach(async () => {
  for (const one of closing.splice(0)) await one.close()
})
async function openDoor(store = memory()): Promise<Runtime> {
  const emaki = await runtime({ serve: [door], store })
  closing.push(emaki)
  return emaki
}

describe('a command that comes too early', () => {
  test('a command that comes too early is refused for now, and has its effect with the same key when it comes again', async () => {
    const emaki = await openDoor()
    for (const options of [{}, { key: 'k' }, { key: 'k' }]) expect(await emaki.send(enter, options)).toStrictEqual(early)
    await emaki.send(door.open('d1', {}))
    expect(await emaki.send(enter, { key: 'k' })).toMatchObject(entered)
    expect(await emaki.send(enter, { key: 'k' })).toMatchObject({ ...entered, replayed: true })
  })

  test('a command whose key was used gets the stored outcome, where it would come too early by now', async () => {
    const store = memory()
    const emaki = await openDoor(store)
    await emaki.send(door.open('d1', {}))
    await emaki.send(enter, { key: 'k' })
    await emaki.send(door.shut('d1', {}))
    for (const one of [emaki, await openDoor(store)])
      expect(await one.send(enter, { key: 'k' })).toMatchObject({ ...entered, replayed: true })
    expect(await emaki.send(enter, { key: 'another' })).toEqual(early)
  })

  test('two commands with one key that come too early at once are both refused for now', async () => {
    const emaki = await openDoor()
    const send = () => emaki.send(enter, { key: 'k' })
    expect(await Promise.all([send(), send(), emaki.send(enter)])).toEqual([early, early, early])
  })

  test('a message that comes too early is to be delivered again, and then has its effect', async () => {
    const emaki = await openDoor()
    const guests = inbox('guests', { message: z.object({ id: z.string() }), command: () => enter })
    expect(await guests.take(emaki, { id: 'm1' })).toEqual(early)
    await emaki.send(door.open('d1', {}))
    expect(await guests.take(emaki, { id: 'm1' })).toMatchObject(entered)
  })

  test('a command that comes too early is decided in a test as it would be sent', () => {
    expect(decide(door, { isOpen: false }, enter)).toEqual(early)
  })

  test('a refusal for now without a time, or for more than a day, fails where it is made', () => {
    for (const after of ['0 seconds', '25 hours', 'soon'])
      expect(() => reject.later('shut', { after: after as '1 day' })).toThrow(TypeError)
    expect(() => reject.later('Shut', { after: '1 day' })).toThrow('a code is in kebab-case')
  })
})

const Bell = events('bell', { Rung: None })
const bell = decider(Bell, {
  initial: {},
  evolve: { Rung: state => state },
  commands: { ring: None },
  decide: { ring: () => Bell.Rung({}) },
})
const butler = processManager('butler', {
  from: Bell,
  to: door,
  begins: 'Rung',
  initial: {},
  evolve: { Rung: () => ({}) },
  react: { Rung: () => door.knock('d1', {}) },
  on: { rejected: () => [] },
})

test('a command of a process, and a scheduled one, that come too early are sent until they are accepted, and reported once', async () => {
  const reported: Notice[] = []
  const report = (notice: unknown) => void reported.push(notice as Notice)
  const emaki = await startServices({ serve: [door, bell, butler], store: memory(), report })
  closing.push(emaki)
  const { schedule } = emaki
  const scheduled = await schedule.add(door.knock('d1', {}), {})
  await emaki.send(bell.ring('b1', {}))
  const began = () => reported.filter(({ code }) => code === 'retry-began').map(({ message }) => message)
  await until('both came too early', () => began().length === 2)
  for (const owner of ['commands', 'process_butler'])
    expect(began().join()).toContain(`${owner} sends some commands too early: door.knock d1 came too early (shut)`)
  await emaki.send(door.open('d1', {}))
  const idOf = () => ('id' in scheduled ? scheduled.id : '')
  await until('both were accepted', async () => {
    const sent = await emaki.store.read('door-d1', { after: 1, limit: 9 })
    return sent.length === 2 && (await schedule.find(idOf(), null))?.ended?.outcome === 'accepted'
  })
  await until('that is over', () => reported.filter(({ code }) => code === 'retry-ended').length === 2)
  expect(began().length).toBe(2)
})
