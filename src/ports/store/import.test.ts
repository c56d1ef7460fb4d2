// The contract of imports is worth what it catches: stores with one bug each, and the cases that have to find it.
import { describe, expect, test } from 'bun:test'
import { runWithin } from '../../test-support/contract.ts'
import type { TestedStore } from './contract/case.ts'
import { importCases, importContract } from './import-contract/index.ts'
import { type NewRecord, type Records, chunks } from './import.ts'
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

async function* within_(store: Store, records: Records, size: number) {
  let moved = 0
  for await (const chunk of chunks(records(), 0)) {
    for (let i = 0; i < chunk.length; i += size) await store.append(chunk.slice(i, i + size).map(unit))
    moved += chunk.length
    yield { moved, total: moved, position: await store.head() }
  }
}
const unit = ({ stream, ...event }: NewRecord) => ({ slices: [{ stream, expect: 'any' as const, events: [event] }], keys: [] })

const bugs: readonly {
  readonly bug: string
  readonly plant: (store: Store) => Partial<Store>
  readonly caught: readonly string[]
}[] = [
  {
    bug: 'does not remember what it moved',
    plant: store => ({ import: (_, records, options) => store.import(Bun.randomUUIDv7(), records, options) }),
    caught: [
      'moves nothing a second time, nor under the same name something else',
      'gives the log of one run where it is ended at any point, any number of times, and run again',
    ],
  },
  {
    bug: 'moves while it reads',
    plant: store => ({ import: (_, records) => within_(store, records, 100) }),
    caught: ['moves nothing where reading fails, and then goes on as if it had never been tried'],
  },
  {
    bug: 'sorts by streams',
    plant: store => ({ import: (name, records, options) => store.import(name, groupByStream(records), options) }),
    caught: ['gives the records in their order, byte for byte, with versions in the order of their streams'],
  },
  {
    bug: 'ignores that only new streams were asked for',
    plant: store => ({ import: (name, records, { fingerprint }) => store.import(name, records, { fingerprint }) }),
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

test('an import that is run again goes on only with what its map gave before', async () => {
  const store = memory()
  const records = (data: string): Records =>
    async function* () {
      yield [{ id: Bun.randomUUIDv7(), stream: 'order-1', type: 'T', schema: 's', data, meta: '{}' }]
    }
  await Array.fromAsync(store.import('i', records('1'), { fingerprint: 'f' }))
  await expect(Array.fromAsync(store.import('i', records('2'), { fingerprint: 'f' }))).rejects.toThrow(
    'another file or another map',
  )
})
