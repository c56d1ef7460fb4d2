// The contract of imports is worth what it catches: stores with one bug each, and the cases that have to find it.
import { describe, expect, test } from 'bun:test'
import { runWithin } from '../../test-support/contract.ts'
import type { TestedStore } from './contract/case.ts'
import { importCases, importContract } from './import-contract/index.ts'
import { CHUNK_EVENTS_MAX } from './import.ts'
import type { NewRecord, Records } from './import-record.ts'
import { memory } from './memory.ts'
import type { Store } from './store.ts'

const testImportsOf = (store: Store): TestedStore => ({
  store,
  reopen: async () => store,
  advance: async () => {},
  close: async () => {},
})

importContract('memory', async () => testImportsOf(memory()))

/** By streams and not in the order of the file. */
const groupByStream = (records: Records): Records =>
  async function* () {
    for await (const page of records()) yield [...Map.groupBy(page, ({ stream }) => stream).values()].flat()
  }

/** Appends each record as it is read. */
async function* appendWhileReading(store: Store, records: Records) {
  let moved = 0
  for await (const page of records()) {
    for (let i = 0; i < page.length; i += CHUNK_EVENTS_MAX) await store.append(page.slice(i, i + CHUNK_EVENTS_MAX).map(unit))
    moved += page.length
    yield { moved, total: moved, known: 0, position: await store.head() }
  }
}
const unit = ({ stream, ...event }: NewRecord) => ({ slices: [{ stream, expect: 'any' as const, events: [event] }], keys: [] })

/** The records, each with an id of its own, whatever id it came with. */
const withNewIds = (records: Records): Records =>
  async function* () {
    for await (const page of records()) yield page.map(record => ({ ...record, id: Bun.randomUUIDv7() }))
  }

/** The records without those that an earlier one has the id of, whatever else they say. */
const withoutRepeats = (records: Records): Records =>
  async function* () {
    const seen = new Set<string>()
    for await (const page of records()) yield page.filter(({ id }) => !seen.has(id) && seen.add(id))
  }

const ONCE = 'gives the log of one run where it is ended at any point, any number of times, and run again'
const TWICE = 'moves nothing a second time, from whatever source, and says that all was there'
const bugs: readonly {
  readonly bug: string
  readonly plant: (store: Store) => Partial<Store>
  readonly caught: readonly string[]
}[] = [
  {
    bug: 'gives records ids of its own',
    plant: store => ({ import: (records, options) => store.import(withNewIds(records), options) }),
    caught: [TWICE, 'moves only what the log lacks, behind what others have appended since'],
  },
  {
    bug: 'moves while it reads',
    plant: store => ({ import: records => appendWhileReading(store, records) }),
    caught: ['moves nothing where reading fails, and then goes on as if it had never been tried', ONCE],
  },
  {
    bug: 'passes over a record that differs from an earlier one',
    plant: store => ({ import: (records, options) => store.import(withoutRepeats(records), options) }),
    caught: [
      'is refused where a line has the id of an earlier one with another event, naming both lines and the id',
      'moves a record once that is there twice, and says so',
    ],
  },
  {
    bug: 'sorts by streams',
    plant: store => ({ import: (records, options) => store.import(groupByStream(records), options) }),
    caught: ['gives the records in their order, byte for byte, with versions in the order of their streams'],
  },
  {
    bug: 'gives up what is unfinished for another import',
    plant: store => ({
      async *import(records, options) {
        for (const { name } of await store.imports()) await store.endImport(name)
        yield* store.import(records, options)
      },
    }),
    caught: ['is listed until it has moved all, with what it has moved, and refuses another one until then'],
  },
  {
    bug: 'ignores that only new streams were asked for',
    plant: store => ({ import: (records, { source }) => store.import(records, { source }) }),
    caught: ['with new streams only refuses one that had events before it began, and none that it or others made since'],
  },
]

describe('planted bugs in imports', () => {
  for (const { bug, plant, caught } of bugs) {
    test(`the contract of imports catches a store that ${bug}`, async () => {
      const make = async () => {
        const store = memory()
        return testImportsOf({ ...store, ...plant(store) })
      }
      for (const title of caught) {
        const found = importCases.find(one => one.title === title)!
        await expect(runWithin(make, tested => found.run(tested, make))).rejects.toThrow()
      }
    })
  }
})
