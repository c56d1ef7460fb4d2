import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { STREAM_BEGIN } from '../definitions/detector/hour-row.ts'
import { memory } from '../ports/store/memory.ts'
import type { StoredEvent } from '../ports/store/event.ts'
import type { Log } from '../ports/store/log.ts'
import { newEvent } from '../ports/store/contract/builders.ts'
import { Predecessors } from './predecessors.ts'

const EVENTS = 60

/** Events of some streams, in turn and at random, some of them of a type that is filtered out. */
async function fillLog(streams: readonly number[]): Promise<Log> {
  const store = memory()
  await store.open()
  for (const [i, stream] of streams.entries())
    await store.append([
      { slices: [{ stream: `s-${stream}`, expect: 'any', events: [{ ...newEvent(i), type: `T${i}` }] }], keys: [] },
    ])
  return store
}

/** What each event follows, by a walk over its stream. */
async function expectFollows(log: Log, events: readonly StoredEvent[]): Promise<readonly (string | null)[]> {
  return Promise.all(
    events.map(async ({ stream, version }) => {
      const [before] = version === 1 ? [] : await log.read(stream, { after: version - 2, limit: 1 })
      return version === 1 ? STREAM_BEGIN : before!.type
    }),
  )
}

async function followsOf(log: Pick<Log, 'typesAt'>, events: readonly StoredEvent[], cuts: readonly number[]) {
  const predecessors = new Predecessors(log)
  const found: (string | null)[] = []
  const bounds = [0, ...cuts.toSorted((one, other) => one - other), events.length]
  for (const [i, from] of bounds.slice(0, -1).entries())
    for (const { follows } of await predecessors.addTo(events.slice(from, bounds[i + 1]))) found.push(follows)
  return found
}

const log = fc.array(fc.nat(4), { minLength: 1, maxLength: EVENTS })
const cuts = fc.array(fc.nat(EVENTS), { maxLength: 5 })

test('events follow what the log says, however it is cut into pages, also where events between are left out', async () => {
  await fc.assert(
    fc.asyncProperty(log, cuts, fc.integer({ min: 1, max: 4 }), async (streams, cuts, keptOf) => {
      const filled = await fillLog(streams)
      const events = (await filled.readAll({ after: 0, limit: EVENTS })).filter(({ position }) => position % 4 < keptOf)
      expect(
        await followsOf(
          filled,
          events,
          cuts.map(cut => Math.min(cut, events.length)),
        ),
      ).toEqual([...(await expectFollows(filled, events))])
    }),
    { numRuns: 100 },
  )
})

test('events that are read again from an earlier place follow the same', async () => {
  const filled = await fillLog([0, 1, 0, 1, 0, 0])
  const events = await filled.readAll({ after: 0, limit: EVENTS })
  const predecessors = new Predecessors(filled)
  await predecessors.addTo(events)
  const again = await predecessors.addTo(events.slice(1))
  expect(again.map(({ follows }) => follows)).toEqual([...(await expectFollows(filled, events.slice(1)))])
})

test('events whose page does not have what they follow are asked for together, and others are not asked for', async () => {
  const filled = await fillLog([0, 1, 0, 1, 0, 0])
  const events = await filled.readAll({ after: 0, limit: EVENTS })
  const asked: unknown[] = []
  const typesAt: Log['typesAt'] = places => {
    asked.push(places)
    return filled.typesAt(places)
  }
  const predecessors = new Predecessors({ typesAt })
  await predecessors.addTo(events.slice(2))
  expect(asked).toEqual([
    [
      { stream: 's-0', version: 1 },
      { stream: 's-1', version: 1 },
    ],
  ])
})

test('events of more streams than are remembered are asked for, and follow what the log says', async () => {
  const streams = 25_000
  const places: number[] = []
  const typesAt: Log['typesAt'] = async asked => {
    places.push(asked.length)
    return asked.map(({ stream }) => `First${stream}`)
  }
  const predecessors = new Predecessors({ typesAt })
  const event = (stream: string, version: number): StoredEvent => ({
    ...{ ...newEvent(0), type: version === 1 ? `First${stream}` : 'Second' },
    ...{ stream, version, position: 1, at: '' },
  })
  const all = Array.from({ length: streams }, (_, i) => `s-${i}`)
  await predecessors.addTo(all.map(stream => event(stream, 1)))
  const seconds = await predecessors.addTo(all.map(stream => event(stream, 2)))
  expect(seconds.every(({ stream, follows }) => follows === `First${stream}`)).toBe(true)
  expect(places.every(count => count <= 1_000)).toBe(true)
  expect(places.length).toBeGreaterThan(1)
})

test('events that follow one that the log does not have follow nothing that is known', async () => {
  const [event] = await (await fillLog([0])).readAll({ after: 0, limit: 1 })
  const [found] = await new Predecessors(await fillLog([])).addTo([{ ...event!, version: 3 }])
  expect(found!.follows).toBeNull()
})
