// The suite against stores that are broken on purpose: what does not see a planted bug would not see a real one.
import { describe, expect, test } from 'bun:test'
import { plantEarlyRejections } from './early-rejections.ts'
import { form, race } from './form.ts'
import { interleave, type Scene, STEPS } from './interleave.ts'
import { lostBatch } from './lost-batch.ts'
import { orders } from './orders.ts'
import { type Plant, plantNames, type Variant } from './plants.ts'
import { raceLog } from './race-log.ts'
import type { Random } from './random.ts'
import { storm } from './storm.ts'
import type { Job } from './writers.ts'

/** What a reader at the head says that was passed by. */
const LOST = /^the reader .* it lost [1-9]/
const TWICE = /stands where version \d+ belongs$/
const SILENT = /a writer that nobody interrupted was unavailable$/
const REFUSED = /was refused, and nothing is wrong with it$/

/** By which of its scenes, with or without the unique constraint below, and by what sentence each plant is known. */
const caught: Readonly<Record<Plant, readonly (Variant & { readonly scene: Scene; readonly by: RegExp })[]>> = {
  'no lock': [
    { scene: 'streams of their own', by: LOST },
    { scene: 'a new stream', net: false, by: TWICE },
  ],
  'check before lock': [
    { scene: 'a new stream', by: REFUSED },
    { scene: 'a new stream', net: false, by: TWICE },
    { scene: 'two streams, crosswise', net: false, by: TWICE },
  ],
  'sequence before check': [{ scene: 'streams of their own', by: LOST }],
  'check with the old snapshot': [
    { scene: 'a new stream', by: REFUSED },
    { scene: 'a new stream', net: false, by: TWICE },
  ],
  'key outside the transaction': [{ scene: 'one key', by: /had 2 effects/ }],
  'lock given back before the commit': [{ scene: 'streams of their own', by: LOST }],
  'a lock for each stream': [{ scene: 'two streams, crosswise', by: SILENT }],
}

describe('interleaved steps of two writers', () => {
  for (const plant of plantNames) {
    for (const { scene, net = true, by } of caught[plant]) {
      race(
        `interleaved steps of two writers show the planted bug: ${plant} (${scene}${net ? '' : ', without the unique constraint'})`,
        async () => {
          const schedules = orders([STEPS, STEPS]).map(order => ({ order, scene, endings: ['commit', 'commit'] as const }))
          const wrong = await interleave({ plant, net }, 2, schedules)
          expect(wrong.some(sentence => by.test(sentence))).toBeTrue()
          expect(await interleave({ net }, 2, schedules)).toEqual([])
        },
      )
    }
  }
})

describe('racing appends', () => {
  // Those that break the order, and need luck to be seen; the others are seen at once.
  for (const plant of ['no lock', 'sequence before check', 'lock given back before the commit'] as const) {
    race(`racing appends show the planted bug: ${plant}`, async random => {
      expect(await shownWithin(TRIES_MAX, () => racingShows(plant, random))).toBeTrue()
    })
  }
})

async function racingShows(plant: Plant, random: Random): Promise<boolean> {
  await using log = await raceLog({ plant, net: false })
  const { url, schema } = log
  const { wrong } = await storm(
    log,
    Array.from({ length: 3 }, (_, i): Job => {
      const common = { who: `p${i}`, url, schema, seed: `${random.below(1_000_000)}` }
      return { ...common, kind: 'append', units: form(500, 5_000), callers: 4, stores: 2, spoils: 0 }
    }),
  )
  return wrong.some(sentence => LOST.test(sentence))
}

/** Whether a race that needs luck shows its bug in one of some tries. */
async function shownWithin(tries: number, shows: () => Promise<boolean>): Promise<boolean> {
  for (let i = 0; i < tries; i++) if (await shows()) return true
  return false
}
const TRIES_MAX = 20

describe('rejections', () => {
  test('a rejection is never for an event that was lost with its batch', async () => {
    expect(await lostBatch()).toEqual([])
  })

  test('a rejection shows the planted bug: answered before its batch has committed', async () => {
    const restore = plantEarlyRejections()
    try {
      expect(await lostBatch()).toEqual([expect.stringContaining('was rejected for first, which never happened')])
    } finally {
      restore()
    }
  })

  race('a rejection shows the planted bug in four processes, too', async random => {
    const shows = async () => {
      await using log = await raceLog()
      const { url, schema } = log
      const { wrong } = await storm(
        log,
        Array.from({ length: 4 }, (_, i): Job => {
          const common = { who: `p${i}`, url, schema, seed: `${random.below(1_000_000)}` }
          return { ...common, kind: 'command', callers: 16, commands: 20, on: 'one seat', plant: 'early rejections' }
        }),
      )
      return wrong.some(sentence => sentence.endsWith('which never happened'))
    }
    expect(await shownWithin(TRIES_MAX, shows)).toBeTrue()
  })
})
