// The contract is worth what it catches: read models with one bug each, and the cases that have to find it.
import { describe, expect, test } from 'bun:test'
import type { TestedReadModel } from './contract/case.ts'
import { readModelCases } from './contract/index.ts'
import { memoryReadModel } from './memory.ts'
import type { Lease } from './leases.ts'
import type { NewPage } from './progress.ts'
import type { RowFilter } from './filter.ts'
import type { ReadModel } from './read-model.ts'
import type { StoredRow } from './rows.ts'

type Bug = { readonly bug: string; readonly plant: (sound: ReadModel) => Partial<ReadModel>; readonly caught: readonly string[] }

const ZOMBIE = 'refuses an owner that was taken over: nothing is written, whichever of the two comes first'
const STALE = 'writes nothing where the epoch or the checkpoint is another, whichever it is'
const ANY_PAGES = 'has after any pages what a map has that they were applied to'
const FILTERED = 'lists by any conditions, in the order of any fields, page by page, what a filtered and sorted array has'
const SORTED = 'lists rows in any order it has an index for, from any row on, as a sorted array would, whatever the values are'
const LEFT_OUT = 'leaves the rows of parked keys out of a list and a count that ask for that, in every order and behind every row'
const STOPPED =
  'says with what is read where it has stopped: a row at its own event or at that of a stream, a list and a count at the first of all'

/** The epoch and the checkpoint as they are, for a page that says others. */
const renewPage = async (sound: ReadModel, page: NewPage, of: readonly ('epoch' | 'from')[]): Promise<NewPage> => {
  const [found] = await sound.progress([page.name])
  if (!found) return page
  return { ...page, ...(of.includes('epoch') && { epoch: found.epoch }), ...(of.includes('from') && { from: found.position }) }
}
const changeListed = (sound: ReadModel, change: (rows: readonly StoredRow[]) => readonly StoredRow[]): Partial<ReadModel> => ({
  list: async (table, options) => {
    const { found, ...rest } = await sound.list(table, { ...options, after: null, limit: 10_000 })
    const rows = change(found)
    const start = options.after ? rows.findIndex(({ key }) => key === options.after!.key) + 1 : 0
    return { found: rows.slice(start, start + options.limit), ...rest }
  },
})

const bugs: readonly Bug[] = [
  {
    bug: 'takes a page of whatever epoch',
    plant: sound => ({ commit: async page => sound.commit(await renewPage(sound, page, ['epoch'])) }),
    caught: [ZOMBIE, STALE, 'moves a subscription to a position with its table empty, and its owner loses it'],
  },
  {
    bug: 'writes all rows of a page at once',
    plant: sound => ({
      commit: async page => {
        const rows = page.rows.map(row => ({ ...row, fields: [0, 1].map(() => row.fields).at(-1)! }))
        return sound.commit({ ...page, rows })
      },
    }),
    caught: ['writes a page of many rows in turns of the event loop'],
  },
  {
    bug: 'takes a page from wherever it begins',
    plant: sound => ({ commit: async page => sound.commit(await renewPage(sound, page, ['from'])) }),
    caught: [STALE, ANY_PAGES],
  },
  {
    bug: 'writes rows beside the checkpoint and not with it',
    plant: sound => ({
      commit: async page => {
        const [found] = await sound.progress([page.name])
        if (found) await sound.commit({ ...page, epoch: found.epoch, from: found.position, to: found.position })
        return sound.commit({ ...page, rows: [], park: [], unpark: [] })
      },
    }),
    caught: [STALE, ZOMBIE, ANY_PAGES],
  },
  {
    bug: 'reads the checkpoint after the rows',
    plant: sound => ({
      get: async (table, key) => {
        const { found } = await sound.get(table, key)
        await Bun.sleep(0)
        return { ...(await sound.get(table, key)), found }
      },
    }),
    caught: ['shows a reader rows and checkpoint of one moment, never rows older than the checkpoint'],
  },
  {
    bug: 'keeps what has no data',
    plant: sound => ({
      commit: page => sound.commit({ ...page, rows: page.rows.map(row => ({ ...row, data: row.data ?? 'null' })) }),
    }),
    caught: ['writes a page: rows as they are, those without data away, and the checkpoint with them', ANY_PAGES],
  },
  {
    bug: 'lets anybody have the lease',
    plant: sound => ({ acquire: (name, options) => sound.acquire(name, { ...options, owner: 'a' }) }),
    caught: [
      'lets exactly one of 16 take a lease',
      'refuses a lease to another until its time is over, or it is given back, and gives it to its owner again',
    ],
  },
  {
    bug: 'gives every owner the same epoch',
    plant: sound => ({
      acquire: async (name, options) => {
        const lease = await sound.acquire(name, options)
        return lease && { ...lease, epoch: 1 }
      },
      commit: async page => sound.commit(page.epoch === 1 ? await renewPage(sound, page, ['epoch']) : page),
    }),
    caught: [ZOMBIE],
  },
  {
    bug: 'counts takeovers that were none',
    plant: sound => {
      const last = new Map<string, Lease>()
      return {
        acquire: async (name, options) => {
          const lease = await sound.acquire(name, options)
          if (!lease) return null
          const before = last.get(name)
          const counted = { ...lease, takeovers: before?.position === lease.position ? before.takeovers + 1 : 0 }
          last.set(name, counted)
          return counted
        },
      }
    },
    caught: ['counts how often a lease was taken over, not given back, at one checkpoint'],
  },
  {
    bug: 'calls each lease a takeover that is not the first',
    plant: sound => {
      const known = new Set<string>()
      return {
        acquire: async (name, options) => {
          const lease = await sound.acquire(name, options)
          const isTakeover = known.has(name)
          known.add(name)
          return lease && { ...lease, isTakeover }
        },
      }
    },
    caught: ['says whether a lease was taken over from another owner that did not give it back, wherever its checkpoint is'],
  },
  {
    bug: 'prolongs no lease with a page',
    plant: sound => ({ commit: page => sound.commit({ ...page, ttlMs: 0 }) }),
    caught: ['prolongs a lease, by itself or with a page, until it is taken over or given back'],
  },
  {
    bug: 'forgets what its owner was about to do',
    plant: sound => ({ suspect: (name, epoch) => sound.suspect(name, epoch, null) }),
    caught: ['tells the next owner what the last one was about to do, until that is done or given back'],
  },
  {
    bug: 'orders texts as UTF-16 has them',
    plant: sound =>
      changeListed(sound, rows => rows.toSorted((one, other) => Number(one.key > other.key) - Number(one.key < other.key))),
    caught: [SORTED, ANY_PAGES],
  },
  {
    bug: 'begins a page with the row that it should come behind',
    plant: sound => ({
      list: async (table, options) => {
        const { found, ...rest } = await sound.list(table, options)
        const row = options.after ? (await sound.get(table, options.after.key)).found : null
        return { found: [...(row ? [row] : []), ...found].slice(0, options.limit), ...rest }
      },
    }),
    caught: [SORTED],
  },
  {
    bug: 'loses its place where the row it was at is gone',
    plant: sound => changeListed(sound, rows => rows),
    caught: ['goes on behind a row that is no longer there'],
  },
  {
    bug: 'does not count what is null',
    plant: sound => ({
      count: async (table, where) =>
        where.some(one => one.is === 'equal' && one.value === null)
          ? { ...(await sound.count(table, where)), found: 0 }
          : sound.count(table, where),
    }),
    caught: [SORTED],
  },
  {
    bug: 'sorts by the first of several fields alone',
    plant: sound => ({ list: (table, options) => sound.list(table, { ...options, sort: options.sort.slice(0, 1) }) }),
    caught: [FILTERED],
  },
  {
    bug: 'lets the last of two conditions on a field replace the first',
    plant: sound => {
      const lastOf = (where: RowFilter) => [...new Map(where.map(one => [one.field, one])).values()]
      return { count: (table, where, options) => sound.count(table, lastOf(where), options) }
    },
    caught: ['joins two filters of one field, and finds what meets both'],
  },
  {
    bug: 'takes a bound itself for greater than it',
    plant: sound => {
      const widen = (where: RowFilter) => where.map(one => (one.is === '>' ? { ...one, is: '>=' as const } : one))
      return { list: (table, options) => sound.list(table, { ...options, where: widen(options.where) }) }
    },
    caught: [FILTERED],
  },
  {
    bug: 'shows no row as parked',
    plant: sound => ({
      get: async (table, key) => {
        const { found, ...rest } = await sound.get(table, key)
        return { found: found && { ...found, parked: null }, ...rest }
      },
    }),
    caught: ['parks keys and streams with their cause, and shows it with the rows of those keys'],
  },
  {
    bug: 'says of a list only what is parked of the rows in it',
    plant: sound => ({
      list: async (table, options) => {
        const read = await sound.list(table, options)
        const stopped = read.found.flatMap(({ parked }) => parked ?? [])
        return { ...read, parked: stopped.length ? Math.min(...stopped) : null }
      },
    }),
    caught: [STOPPED],
  },
  {
    bug: 'says nothing of streams that are parked',
    plant: sound => ({
      get: async (table, key) => {
        const read = await sound.get(table, key)
        const own = (await sound.parked(table.name)).find(one => one.kind === 'key' && one.key === key)
        return { ...read, parked: own?.position ?? null }
      },
    }),
    caught: [STOPPED],
  },
  {
    bug: 'takes every parked stream for one of the row',
    plant: sound => ({
      get: async (table, key, streams) => {
        const { parked, parkedStream, ...read } = await sound.get(table, key, streams)
        return { ...read, parked: parked ?? parkedStream, parkedStream: null }
      },
    }),
    caught: [STOPPED],
  },
  {
    bug: 'leaves parked rows out of a page only once it has read the page',
    plant: sound => ({
      list: async (table, { skipsParked = false, ...options }) => {
        const { found, ...rest } = await sound.list(table, options)
        return { ...rest, found: found.filter(({ parked }) => !skipsParked || parked === null) }
      },
    }),
    caught: [LEFT_OUT],
  },
  {
    bug: 'counts parked rows too',
    plant: sound => ({ count: (table, where) => sound.count(table, where) }),
    caught: [LEFT_OUT],
  },
  {
    bug: 'unparks what is parked for good',
    plant: sound => ({
      unpark: async (name, key) => {
        const asked = (await sound.parked(name)).filter(one => key === undefined || one.key === key)
        const [found] = await sound.progress([name])
        const at = { name, epoch: found!.epoch, from: found!.position, to: found!.position }
        await sound.commit({ ...at, ttlMs: 1_000, rows: [], park: [], unpark: asked })
        return asked.length
      },
    }),
    caught: ['asks for what is parked to be folded again, one key or all, and forgets what a page takes back'],
  },
  {
    bug: 'lets any table serve',
    plant: sound => {
      const served = new Map<string, string>()
      return {
        serve: async (projection, name) => Boolean(served.set(projection, name)),
        serving: async projection => served.get(projection) ?? null,
        drop: sound.drop,
      }
    },
    caught: ['lets a table serve that has come as far as the one before it, and no other'],
  },
  {
    bug: 'begins anew with epochs that were there before a drop',
    plant: sound => {
      const raised = new Map<string, number>()
      return {
        drop: async name => {
          raised.set(name, (await sound.progress([name]))[0]?.epoch ?? 0)
          await sound.drop(name)
        },
        commit: async page => sound.commit(raised.get(page.name) === page.epoch ? await renewPage(sound, page, ['epoch']) : page),
      }
    },
    caught: ['refuses an owner that had a lease before a drop, though all begins anew'],
  },
  {
    bug: 'takes any indexes for those of a table that is there',
    plant: sound => ({ prepare: async tables => sound.prepare(tables).catch(() => {}) }),
    caught: [
      'refuses names that would have to be quoted, fields that case alone tells apart, and other indexes than a table has',
    ],
  },
]

describe('planted bugs in read models', () => {
  for (const { bug, plant, caught } of bugs) {
    test(`the contract catches a read model that ${bug}`, async () => {
      for (const title of caught) {
        const { run } = readModelCases.find(one => one.title === title)!
        expect(await failure(run(plantReadModel(() => ({})))), `${title}, without the bug`).toBeNull()
        expect(await failure(run(plantReadModel(plant))), title).not.toBeNull()
      }
    })
  }
})

function failure(run: Promise<void>): Promise<string | null> {
  return run.then(() => null, String)
}

function plantReadModel(plant: (sound: ReadModel) => Partial<ReadModel>): TestedReadModel {
  let time = 1_700_000_000_000
  const sound = memoryReadModel({ now: () => time })
  const readModel = { ...sound, ...plant(sound) }
  const advance = (ms: number) => {
    time += ms
  }
  return { readModel, reopen: async () => readModel, advance, close: async () => {} }
}
