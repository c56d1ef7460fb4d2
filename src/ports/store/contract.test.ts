// The contract is worth what it catches: stores with one bug each, and the cases that have to find it.
import { describe, expect, test } from 'bun:test'
import type { TestedStore } from './contract/case.ts'
import { storeCases } from './contract/index.ts'
import { memory } from './memory.ts'
import type { NewSnapshot, Snapshot } from './load.ts'
import { PASSED_KEEP_MS } from './sent-keys.ts'
import type { Store } from './store.ts'
import type { StoredKey, Unit, UnitOutcome } from './unit.ts'

type Bug = { readonly bug: string; readonly plant: (store: Store) => Partial<Store>; readonly caught: readonly string[] }

const bugs: readonly Bug[] = [
  {
    bug: 'goes on telling watchers that have ended',
    plant: store => ({
      watch: async wake => {
        await store.watch(wake)
        return async () => {}
      },
    }),
    caught: ['tells watchers what is announced, until they have ended'],
  },
  {
    bug: 'reads as much as there is',
    plant: store => ({ readAll: ({ sizeMax: _, ...options }) => store.readAll(options) }),
    caught: ['ends a page of the log with the event that brings its payloads to a size, which it always holds'],
  },
  {
    bug: 'ignores the size of a page of a stream',
    plant: store => ({ read: (stream, { after, limit }) => store.read(stream, { after, limit }) }),
    caught: ['ends a page of a stream with the event that brings its payloads to a size, which it always holds'],
  },
  {
    bug: 'appends without rows',
    plant: store => ({ append: units => store.append(units.map(({ rows: _, ...unit }) => unit)) }),
    caught: [
      'writes the rows of each unit that is appended, at the positions of their events, and of no other',
      'writes rows to all tables of their version that exist, and appends without them where none does',
      'writes no row of a unit whose stream went on, and the row of the unit that follows it',
    ],
  },
  {
    bug: 'writes each row as of the end of its slice',
    plant: store => ({ append: units => store.append(units.map(atEnd)) }),
    caught: ['writes a row after an event that is not the last of its unit at the position of that event'],
  },
  {
    bug: 'lets pages write over newer rows',
    plant: ({ readModel }) => ({
      readModel: { ...readModel, commit: ({ keepsNewer: _, ...page }) => readModel.commit(page) },
    }),
    caught: [
      'keeps the row that an append wrote from a page that is not as far, and from one that deletes an older row',
      'keeps newer rows from a page that is too long for one statement',
    ],
  },
  {
    bug: 'ignores expectations',
    plant: store => ({ append: units => store.append(units.map(unit => mapExpectations(unit, () => 'any'))) }),
    caught: [
      'refuses another version than the one expected, below and above, and tells the actual one',
      'lets exactly one of 64 callers create a stream',
      'appends nothing of a unit of which one slice fails, whichever it is',
    ],
  },
  {
    bug: 'takes "must exist" for "any"',
    plant: store => ({
      append: units => store.append(units.map(unit => mapExpectations(unit, expect => (expect === 'exists' ? 'any' : expect)))),
    }),
    caught: ['appends to a stream that must exist, and refuses one that does not'],
  },
  {
    bug: 'checks and appends in two steps',
    plant: store => ({
      append: async units => {
        const checked = await store.append(units.map(unit => ({ ...withoutEvents(unit), keys: [] })))
        if (checked.some(({ outcome }) => outcome !== 'appended')) return checked
        await Bun.sleep(0)
        return store.append(units.map(unit => mapExpectations(unit, () => 'any')))
      },
    }),
    caught: ['lets exactly one of 64 callers create a stream'],
  },
  {
    bug: 'keeps keys beside the append and not in it',
    plant: store => {
      const keys = new Map<string, StoredKey>()
      return {
        append: async units => {
          const [unit] = units
          const known = unit!.keys.flatMap(({ key }) => keys.get(key) ?? [])
          if (known.length) return [{ outcome: 'duplicate', keys: known }]
          const [outcome] = await store.append([{ ...unit!, keys: [] }])
          const position = outcome?.outcome === 'appended' ? outcome.slices[0]!.position : 0
          if (outcome?.outcome === 'appended') for (const key of unit!.keys) keys.set(key.key, { ...key, position })
          return [outcome!]
        },
      }
    },
    caught: ['lets exactly one of 64 callers use a key, and tells the others what it stands for'],
  },
  {
    bug: 'gives the keys of processors an end at once',
    plant: store => ({
      append: units =>
        store.append(units.map(unit => ({ ...unit, keys: unit.keys.map(key => ({ ...key, keepMs: PASSED_KEEP_MS })) }))),
    }),
    caught: ['keeps the key of a processor while its event may come again, then for a month, and deletes it'],
  },
  {
    bug: 'stores the keys of what conflicts',
    plant: store => ({
      append: async units => {
        const outcomes = await store.append(units)
        for (const [i, { outcome }] of outcomes.entries())
          if (outcome === 'conflict')
            await store.append([{ slices: [], keys: units[i]!.keys.map(key => ({ ...key, count: 0 })) }])
        return outcomes
      },
    }),
    caught: ['stores no key with what conflicts', 'appends nothing of a unit of which one slice fails, whichever it is'],
  },
  {
    bug: 'lets a unit fail its neighbours',
    plant: store => ({
      append: async units => {
        const slices = units.flatMap(({ slices }) => slices)
        const [whole] = await store.append([{ slices, keys: units.flatMap(({ keys }) => keys) }])
        return units.map(({ slices: own }): UnitOutcome => {
          if (whole?.outcome !== 'appended') return whole!
          return { ...whole, slices: own.map(one => whole.slices[slices.indexOf(one)]!) }
        })
      },
    }),
    caught: ["gives each unit its own outcome: a neighbour's conflict or known key fails nobody else"],
  },
  {
    bug: 'appends the slices of a unit one by one',
    plant: store => ({
      append: async units => {
        const outcomes: UnitOutcome[] = []
        for (const { slices, keys } of units) {
          const each: UnitOutcome[] = []
          for (const slice of slices) each.push(...(await store.append([{ slices: [slice], keys: [] }])))
          await store.append([{ slices: [], keys: keys.map(key => ({ ...key, count: 0 })) }])
          outcomes.push(each.find(({ outcome }) => outcome !== 'appended') ?? joinOutcomes(each))
        }
        return outcomes
      },
    }),
    caught: ['appends nothing of a unit of which one slice fails, whichever it is'],
  },
  {
    bug: 'shows events before those that come before them',
    plant: store => {
      const early = new Set<number>()
      return {
        readAll: async page => {
          const found = await store.readAll(page)
          // Each third event is committed late: it is not there when it is first looked for, while later ones are.
          return found.filter(({ position }) => position % 3 !== 0 || early.has(position) || !early.add(position))
        },
      }
    },
    caught: ['never shows a reader that has passed a position an event at or below it, however many write'],
  },
  {
    bug: 'reads on beyond the position it is told',
    plant: store => ({ readAll: ({ until, ...options }) => store.readAll(options) }),
    caught: ['pages through the log up to a position and none above it'],
  },
  {
    bug: 'filters by type, whatever the category',
    plant: store => ({
      readAll: async ({ filter, limit, ...options }) => {
        const types = filter && new Set([...filter.values()].flatMap(types => types ?? ['Placed', 'Taken']))
        const found = await store.readAll({ ...options, limit: 10_000 })
        return found.filter(({ type }) => types?.has(type) ?? true).slice(0, limit)
      },
    }),
    caught: ['reads of the log only the types asked for, of each category its own, or all of a category'],
  },
  {
    bug: 'filters what it has read, so that a page holds fewer than there are',
    plant: store => ({
      readAll: async ({ filter, ...options }) => {
        const found = await store.readAll(options)
        return found.filter(({ stream, type }) => !filter || (filter.get(stream.split('-')[0]!) ?? [type]).includes(type))
      },
    }),
    caught: ['reads of the log only the types asked for, of each category its own, or all of a category'],
  },
  {
    bug: 'keeps payloads as jsonb does',
    plant: store => {
      const storeAsJsonb = (text: string) => JSON.stringify(JSON.parse(text))
      const read = async (found: ReturnType<Store['read']>) =>
        (await found).map(event => ({ ...event, data: storeAsJsonb(event.data), meta: storeAsJsonb(event.meta) }))
      return { read: (stream, page) => read(store.read(stream, page)), readAll: page => read(store.readAll(page)) }
    },
    caught: ['gives back data and meta byte for byte, by stream and by log'],
  },
  {
    bug: 'folds the names of streams to one case',
    plant: store => ({
      append: units =>
        store.append(
          units.map(({ slices, keys }) => ({
            slices: slices.map(slice => ({ ...slice, stream: slice.stream.toLowerCase() })),
            keys: keys.map(key => ({ ...key, stream: key.stream.toLowerCase() })),
          })),
        ),
    }),
    caught: ['keeps streams apart, however they are named'],
  },
  {
    bug: 'forgets to say that there is more',
    plant: store => ({
      load: async (wanted, keys) => {
        const found = await store.load(wanted, keys)
        return { ...found, streams: found.streams.map(stream => ({ ...stream, more: false })) }
      },
    }),
    caught: ['loads a long stream in parts, and says that there is more'],
  },
  {
    bug: 'sends all that was missed, however much',
    plant: store => ({
      append: async units =>
        Promise.all(
          (await store.append(units)).map(async outcome => {
            if (outcome.outcome !== 'conflict') return outcome
            const conflicts = outcome.conflicts.map(async conflict => {
              const after = typeof conflict.expected === 'number' ? conflict.expected : 0
              return { ...conflict, missed: await store.read(conflict.stream, { after, limit: 1_000 }) }
            })
            return { outcome: 'conflict', conflicts: await Promise.all(conflicts) } as const
          }),
        ),
    }),
    caught: ['sends up to 256 KiB of missed events, and beyond that only the version'],
  },
  {
    bug: 'takes the last snapshot that was saved for the newest, of whatever fold',
    plant: store => {
      const saved = new Map<string, Snapshot>()
      return {
        saveSnapshots: async (snapshots: readonly NewSnapshot[]) => {
          for (const { stream, version, state } of snapshots) saved.set(stream, { version, state: JSON.parse(state) })
        },
        load: async (wanted, keys) => {
          const { streams } = await store.load(wanted, keys)
          return {
            streams: streams.map((stream, i) => ({ ...stream, snapshot: saved.get(wanted[i]!.stream) ?? null })),
            keys: [],
          }
        },
      }
    },
    caught: [
      'takes up a snapshot only of the fold asked for, and only where it is newer than what is known',
      'never puts an older snapshot over a newer one, and deletes those of other folds that are not newer',
      'gives a state folded from a snapshot and what came after it equal to the state folded from all',
      'folds all events anew where a snapshot was folded before an upcast of its events',
    ],
  },
]

describe('planted bugs in stores', () => {
  for (const { bug, plant, caught } of bugs) {
    test(`the contract catches a store that ${bug}`, async () => {
      for (const title of caught) {
        const { run } = storeCases.find(one => one.title === title)!
        expect(await failure(run(await plantStore(() => ({})))), `${title}, without the bug`).toBeNull()
        expect(await failure(run(await plantStore(plant))), title).not.toBeNull()
      }
    })
  }
})

function failure(run: Promise<void>): Promise<string | null> {
  return run.then(() => null, String)
}

async function plantStore(plant: (store: Store) => Partial<Store>): Promise<TestedStore> {
  let ahead = 0
  const sound = memory({ now: () => Date.now() + ahead })
  const store = { ...sound, ...plant(sound) }
  const advance = (ms: number) => {
    ahead += ms
  }
  return { store, reopen: async () => store, advance, close: async () => {} }
}

function mapExpectations(unit: Unit, map: (expect: Unit['slices'][number]['expect']) => Unit['slices'][number]['expect']): Unit {
  return { ...unit, slices: unit.slices.map(slice => ({ ...slice, expect: map(slice.expect) })) }
}

/** Its rows, after the last event of their slice. */
function atEnd({ rows = [], ...unit }: Unit): Unit {
  const lastOf = (stream: string) => unit.slices.find(slice => slice.stream === stream)!
  return {
    ...unit,
    rows: rows.map(row => ({ ...row, version: Number(lastOf(row.stream).expect) + lastOf(row.stream).events.length })),
  }
}

function withoutEvents(unit: Unit): Unit {
  return { ...unit, slices: unit.slices.map(slice => ({ ...slice, events: [] })) }
}

function joinOutcomes(outcomes: readonly UnitOutcome[]): UnitOutcome {
  const slices = outcomes.flatMap(outcome => (outcome.outcome === 'appended' ? outcome.slices : []))
  return { outcome: 'appended', slices, at: new Date().toISOString() }
}
