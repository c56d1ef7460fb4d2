// What a subscription passes over, over a read model in memory.
import { describe, expect, test } from 'bun:test'
import { UnreadableEvent } from '../definitions/event/read.ts'
import type { Lease } from '../ports/read-model/leases.ts'
import type { Again, NewParked } from '../ports/read-model/parked.ts'
import { memory } from '../ports/store/memory.ts'
import type { Store } from '../ports/store/store.ts'
import { Parking, type Retries } from './parking.ts'
import { UnreadableRow } from './unreadable-row.ts'

const NAME = 'sub'
const key = (name: string, position: number): NewParked => ({ kind: 'key', key: name, position, cause: 'no' })
const stream = (name: string, position: number): NewParked => ({ kind: 'stream', key: name, position, cause: 'no' })

/** A store with five events of one stream, a lease on it, and something parked. */
async function parkKeys(...park: readonly NewParked[]): Promise<{ readonly store: Store; readonly lease: Lease }> {
  const store = memory()
  const events = Array.from({ length: 5 }, (_, i) => ({ id: `e${i}`, type: 'T', schema: 's', data: '{}', meta: '{}' }))
  await store.append([{ slices: [{ stream: 's-1', expect: 0, events }], keys: [] }])
  const lease = (await store.readModel.acquire(NAME, { owner: 'o', ttlMs: 60_000, start: 0 }))!
  await store.readModel.commit({ name: NAME, epoch: lease.epoch, from: 0, to: 1, ttlMs: 60_000, rows: [], park, unpark: [] })
  return { store, lease: { ...lease, position: 1 } }
}

async function loadParking(lease: Partial<Lease>, ...park: readonly NewParked[]): Promise<Parking> {
  const found = await parkKeys(...park)
  const parking = new Parking(found.store, 'today', () => {})
  await parking.load({ ...found.lease, ...lease })
  return parking
}

describe('parked keys and streams', () => {
  test('a parked key or stream is known once it was loaded, by kind', async () => {
    const parking = await loadParking({}, key('k', 1), stream('s-1', 1))
    expect([parking.hasKey('k'), parking.hasStream('s-1'), parking.hasKey('s-1'), parking.hasStream('k')]).toEqual([
      ...[true, true],
      ...[false, false],
    ])
    expect([parking.isEmpty, parking.hasChanges, parking.changes]).toEqual([false, false, { park: [], unpark: [] }])
  })

  test('a parked key is written once, with a text that every database keeps', async () => {
    const parking = await loadParking({})
    expect([parking.isEmpty, parking.hasChanges]).toEqual([true, false])
    parking.parkKey('k', 3, new TypeError(`\0${'x'.repeat(3_000)}`))
    parking.parkStream({ stream: 's-1', position: 4 }, 'no')
    expect(parking.changes.park).toEqual([
      { kind: 'key', key: 'k', position: 3, cause: `TypeError:  ${'x'.repeat(1_988)}` },
      { kind: 'stream', key: 's-1', position: 4, cause: 'no' },
    ])
    expect([parking.hasChanges, parking.hasKey('k'), parking.hasStream('s-1')]).toEqual([true, true, true])
    parking.forgetChanges()
    expect([parking.hasChanges, parking.hasKey('k')]).toEqual([false, true])
  })

  test('a parked key has one position, which is the last that was found', async () => {
    const parking = await loadParking({})
    parking.parkKey('k', 5, 'late')
    parking.parkKey('k', 2, 'early')
    expect(parking.changes.park).toEqual([{ kind: 'key', key: 'k', position: 2, cause: 'early' }])
  })

  test('a parked key that is released is no longer parked with the next page, unless it is parked again by then', async () => {
    const parking = await loadParking({}, key('k', 1), stream('s-1', 1))
    for (const place of [key('k', 1), stream('s-1', 1), key('never parked', 1)]) parking.release(place)
    expect([parking.hasKey('k'), parking.hasStream('s-1'), parking.isEmpty]).toEqual([false, false, true])
    parking.parkStream({ stream: 's-1', position: 1 }, 'no')
    expect(parking.changes).toEqual({ park: [stream('s-1', 1)], unpark: [{ kind: 'key', key: 'k' }] })
  })
})

describe('an event at which earlier owners ended', () => {
  const cause = 'the process ended, or hung, while it handled this event'

  test('an event at which earlier owners ended is parked by its key, or with its stream where it has none', async () => {
    const byKey = await loadParking({ suspect: { position: 3, key: 'k', times: 2 } })
    expect(byKey.changes.park).toEqual([{ ...key('k', 3), cause }])
    const byStream = await loadParking({ suspect: { position: 3, key: null, times: 2 } })
    expect(byStream.changes.park).toEqual([{ ...stream('s-1', 3), cause }])
  })

  test('an event at which earlier owners ended is not parked where the checkpoint has passed it, or it is not in the log', async () => {
    for (const position of [1, 6]) {
      const parking = await loadParking({ suspect: { position, key: null, times: 2 } })
      expect(parking.isEmpty).toBeTrue()
    }
  })
})

describe('a retry of parked keys', () => {
  async function retries(again: Again, ...park: readonly NewParked[]): Promise<Retries | null> {
    const { store } = await parkKeys(...park)
    await store.readModel.unpark(NAME, undefined, again)
    return new Parking(store, 'today', () => {}).readRetries(NAME)
  }

  test('a retry of parked keys covers nothing where nobody asked for it', async () => {
    const { store } = await parkKeys(key('k', 3))
    expect(await new Parking(store, 'today', () => {}).readRetries(NAME)).toBeNull()
  })

  test('a retry of parked keys covers what another release could not read, without being asked, and nothing that failed otherwise', async () => {
    const { store, lease } = await parkKeys()
    const unread = new UnreadableEvent('s-1', 2, 'T', 'no such type')
    const parking = new Parking(store, 'older', () => {})
    parking.parkKey('event', 2, unread)
    parking.parkKey('row', 3, new UnreadableRow('no JSON'))
    parking.parkKey('fold', 4, new TypeError('thirteen'))
    parking.parkStream({ stream: 's-1', position: 5 }, unread)
    const page = { name: NAME, epoch: lease.epoch, from: 1, to: 5, ttlMs: 60_000, rows: [] }
    await store.readModel.commit({ ...page, ...parking.changes })
    expect(await parking.readRetries(NAME)).toBeNull()
    const found = (await new Parking(store, 'newer', () => {}).readRetries(NAME))!
    expect([[...found.keys.keys()], [...found.streams.keys()]]).toEqual([['event', 'row'], ['s-1']])
    expect(found.skipsForKey('event', 2)).toBeFalse()
  })

  test('a retry of parked keys covers the events from where a key or a stream was parked', async () => {
    const found = (await retries('whole', key('k', 3), stream('s-1', 4)))!
    expect(found.first).toBe(3)
    const covers = (at: number, of = 's-2', key = 'k') => found.isCovered(key, { stream: of, position: at })
    expect([covers(2), covers(3), covers(5), covers(5, 's-2', 'other')]).toEqual([false, true, true, false])
    expect([covers(3, 's-1', 'other'), covers(4, 's-1', 'other')]).toEqual([false, true])
    expect([found.skipsForKey('k', 3), found.skipsEvent({ stream: 's-1', position: 4 })]).toEqual([false, false])
  })

  test('a skip passes over one event, and no other', async () => {
    const found = (await retries('skip', key('k', 3), stream('s-1', 4)))!
    expect([found.skipsForKey('k', 3), found.skipsForKey('k', 4), found.skipsForKey('other', 3)]).toEqual([true, false, false])
    const skips = (stream: string, position: number) => found.skipsEvent({ stream, position })
    expect([skips('s-1', 4), skips('s-1', 5), skips('s-2', 4)]).toEqual([true, false, false])
  })
})
