// What is paused is in every list, and goes on at once on the node that resumes it.
import { afterEach, expect, test } from 'bun:test'
import { z } from 'zod'
import { agendaVerb } from '../cli/agenda.ts'
import { doctorVerb } from '../cli/doctor.ts'
import { statusVerb } from '../cli/subscriptions.ts'
import { events, spec } from '../definitions/event/events.ts'
import { processor } from '../definitions/processor.ts'
import { every } from '../definitions/recurrence.ts'
import { schedule } from '../definitions/schedule.ts'
import type { Notice } from '../ports/report/notice.ts'
import { memory } from '../ports/store/memory.ts'
import type { Store } from '../ports/store/store.ts'
import { type Runtime, runtime } from '../runtime.ts'
import { order } from '../test-support/fulfilment.ts'
import { runVerb } from '../test-support/run-verb.ts'
import { until } from '../test-support/servers/until.ts'
import { pauseLease } from './pausing.ts'

const Note = events('note', { Written: z.object({}) })
const nightly = schedule('nightly', {
  every: every('0 3 * * *', { zone: 'UTC' }),
  to: order,
  send: () => order.cancel('o1', { reason: 'night' }),
})

const running: Runtime[] = []
afterEach(async () => {
  for (const one of running.splice(0)) await one.close()
})

/** Whoever waits for a lease looks again after a quarter of an hour, unless it is woken. */
const LEASE_MS = 3_600_000

async function startNode(store: Store = memory()) {
  const read: number[] = []
  const notices: Notice[] = []
  const reader = processor('reader', { from: Note, start: 'beginning', handle: ([event]) => void read.push(event!.position) })
  const serve = [order, reader, nightly]
  const emaki = await runtime({ serve, store, leaseMs: LEASE_MS, report: one => notices.push(one as Notice) })
  running.push(emaki)
  const statusOf = async (name: string) => (await emaki.status()).find(({ definition }) => definition.name === name)!
  const untilOwner = (name: string) => until(`${name} runs`, async () => (await statusOf(name)).isOwner)
  const write = async () => {
    const schema = Note[spec].types.get('Written')!.fingerprint
    const event = { id: Bun.randomUUIDv7(), type: 'Written', schema, data: '{}', meta: '{}' }
    await store.append([{ slices: [{ stream: 'note-1', expect: 'any', events: [event] }], keys: [] }])
    store.announce(await store.head())
  }
  return { store, serve, emaki, read, notices, statusOf, untilOwner, write }
}

test('a paused schedule is listed as paused by status, doctor and agenda, as all that is paused is', async () => {
  const { store, serve, emaki, statusOf, untilOwner } = await startNode()
  for (const name of ['reader', 'nightly']) await untilOwner(name)
  await until('it has a time', async () => (await store.agenda.find('schedule_nightly')) !== null)
  const runsAs = { name: 'schedule_nightly', definition: { kind: 'schedule', name: 'nightly' }, isServing: true, failure: null }
  expect(await statusOf('nightly')).toMatchObject({ ...runsAs, isOwner: true, isPaused: false, position: 0, lagEvents: 0 })
  const show = async (verb: typeof statusVerb) => (await runVerb(verb, { store, serve })).out
  expect(await show(agendaVerb)).toMatch(/nightly +1 +1 +0 +ok\n/)
  await emaki.pause('nightly')
  expect(await statusOf('nightly')).toMatchObject({ ...runsAs, isOwner: false, isPaused: true })
  expect(await show(statusVerb)).toMatch(/\nschedule_nightly +schedule +— +— +— +— +paused\n/)
  expect(await show(agendaVerb)).toMatch(/nightly +1 +1 +0 +paused\n/)
  const found = JSON.parse((await runVerb(doctorVerb, { store, serve, json: true })).out) as readonly { readonly name: string }[]
  expect(found.find(({ name }) => name === 'schedule nightly')).toEqual({
    ...{ name: 'schedule nightly', status: 'warning', found: 'paused: it sends nothing' },
    fix: 'run `emaki resume nightly` once the cause is mended',
  } as never)
})

test('what is resumed goes on at once on the node that resumes it, though it would look for its lease much later', async () => {
  const { store, emaki, read, untilOwner, write } = await startNode()
  for (const name of ['reader', 'nightly']) {
    await untilOwner(name)
    await emaki.pause(name)
  }
  // A node that starts finds them paused, and waits.
  const other = await startNode(store)
  await write()
  for (const name of ['reader', 'nightly']) {
    await until('it has found it paused', async () => !(await other.statusOf(name)).isOwner)
    expect(await other.emaki.resume(name)).toBeTrue()
    await other.untilOwner(name)
  }
  await until('it is read', () => read.length + other.read.length === 1)
})

test('a schedule that is paused as it begins reports no failure', async () => {
  const store = memory()
  const { commit } = store.readModel
  let pauses = 0
  store.readModel.commit = async page => {
    if (page.name === 'schedule_nightly' && pauses++ === 0) await pauseLease(store.readModel, page.name)
    return commit(page)
  }
  const { emaki, notices, statusOf, untilOwner } = await startNode(store)
  await until('it is paused', async () => (await statusOf('nightly')).isPaused)
  expect(await emaki.resume('nightly')).toBeTrue()
  await untilOwner('nightly')
  expect(notices).toEqual([])
})
