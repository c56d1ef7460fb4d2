import { afterEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { StaleRead } from './query/stale-read.ts'
import { query } from './definitions/query.ts'
import { type Runtime, runtime } from './runtime.ts'
import { sqlite } from './adapters/sqlite/store.ts'
import { memory } from './ports/store/memory.ts'
import { looks, sets, thing, things } from './test-support/shop.ts'

const folder = mkdtempSync(join(tmpdir(), 'emaki-runtime-'))
const closing: Runtime[] = []
afterEach(async () => {
  for (const one of closing.splice(0)) await one.close()
  rmSync(folder, { recursive: true, force: true })
})

const onShelf = query('on-shelf', {
  params: z.object({ shelf: z.enum(['top', 'low']), limit: z.int().default(10) }),
  cache: { ttl: '1 hour' },
  run: async ({ shelf, limit }, read) => (await read(things).list({ shelf }, { limit })).map(({ key }) => key),
})

const stores = { memory: () => memory(), sqlite: () => sqlite(join(folder, 'log.db')) }

describe.each(Object.entries(stores))('a runtime on %s', (_, store) => {
  const startThings = async () => {
    const emaki = await runtime({ serve: [thing, things, sets, onShelf], store: store(), report: () => {} })
    closing.push(emaki)
    const set = async (id: string, name: string) => {
      const outcome = await emaki.send(thing.set(id, looks(name)))
      if (outcome.outcome !== 'accepted') throw new Error(`set was ${outcome.outcome}`)
      return outcome.position
    }
    return { emaki, set }
  }

  test('a runtime gives a row that includes the event of a command, with its key, and null where there is none', async () => {
    const { emaki, set } = await startThings()
    const atLeast = await set('t1', 'apple')
    expect(await emaki.row(things, 't1', { atLeast, waitMs: 10_000 })).toEqual({ ...looks('apple'), key: 't1' })
    expect(await emaki.row(things, 't2')).toBeNull()
  })

  test('a runtime gives a live row', async () => {
    const { emaki, set } = await startThings()
    for (const name of ['apple', 'pear']) await set('t1', name)
    expect(await emaki.row(sets, 't1')).toEqual({ times: 2, key: 't1' })
  })

  test('a runtime rejects a read of a position that does not come in time', async () => {
    const { emaki, set } = await startThings()
    const position = await set('t1', 'apple')
    expect(await emaki.waitUntilProcessed(position)).toBeTrue()
    const min = { atLeast: position + 1, waitMs: 1 }
    for (const read of [emaki.row(things, 't1', min), emaki.query(onShelf, { shelf: 'top' }, min)]) {
      const error = await read.catch((error: unknown) => error)
      expect(error).toBeInstanceOf(StaleRead)
      expect(error).toMatchObject({ projection: 'things', reason: 'behind', position, atLeast: position + 1, lagEvents: 1 })
    }
  })

  test('a runtime leaves a parked row out of the answer to a query, and refuses who asks for a complete one', async () => {
    const { emaki, set } = await startThings()
    await set('t1', 'apple')
    const sent = await emaki.send(thing.poison('t1', {}))
    const atLeast = sent.outcome === 'accepted' ? sent.position : 0
    await emaki.waitUntilProcessed(atLeast)
    expect(await emaki.query(onShelf, { shelf: 'top' }, { atLeast })).toEqual([])
    expect(await emaki.row(things, 't1')).toMatchObject({ name: 'apple' })
    const parked = { name: 'StaleRead', reason: 'parked', projection: 'things', parked: atLeast }
    for (const min of [{ atLeast, complete: true }, { complete: true }]) {
      await expect(emaki.query(onShelf, { shelf: 'top' }, min)).rejects.toMatchObject(parked)
      await expect(emaki.row(things, 't1', min)).rejects.toMatchObject(parked)
    }
    await expect(emaki.row(things, 't1', { atLeast })).rejects.toMatchObject(parked)
  })

  test('a runtime lists rows as HTTP does: by conditions, page by page, and without a parked row, which the page says', async () => {
    const { emaki, set } = await startThings()
    for (const [i, name] of ['apple', 'pear', 'fig', 'plum'].entries()) await set(`t${i}`, name)
    const sent = await emaki.send(thing.poison('t1', {}))
    const min = { atLeast: sent.outcome === 'accepted' ? sent.position : 0, waitMs: 600_000 }
    const list = {
      where: { name: { in: ['apple', 'pear', 'plum'] }, price: { lte: 1 } },
      sort: ['shelf', '-name'],
      count: true,
    } as const
    const page = await emaki.rows(things, { ...list, limit: 1 }, min)
    expect(page.items).toEqual([{ ...looks('plum'), key: 't3' }])
    expect(page).toMatchObject({ count: 2, parked: true, position: min.atLeast })
    for (const place of [{ cursor: page.next! }, { after: page.items[0]! }])
      expect((await emaki.rows(things, { ...list, ...place })).items.map(({ key }) => key)).toEqual(['t0'])
    const parked = { name: 'StaleRead', reason: 'parked', projection: 'things', parked: min.atLeast }
    await expect(emaki.rows(things, list, { ...min, complete: true })).rejects.toMatchObject(parked)
  })

  test('a runtime refuses options of reads that there are not, and names the nearest one', async () => {
    const { emaki } = await startThings()
    for (const [read, message] of [
      [emaki.row(things, 't1', { atleast: 1 } as never), 'row has no option atleast; did you mean atLeast?'],
      [emaki.rows(things, { wher: { name: 'apple' } } as never), 'rows has no option wher; did you mean where?'],
      [emaki.rows(things, {}, { waitms: 1 } as never), 'rows: how new has no option waitms; did you mean waitMs?'],
    ] as const)
      expect(read).rejects.toThrow(message)
  })

  test('a runtime refuses a list by a field without an index, by an unknown condition, and of a live projection', async () => {
    const { emaki } = await startThings()
    const refusals: readonly [object, string][] = [
      [{ where: { colour: 'red' } }, 'colour'],
      [{ where: { name: { like: 'a%' } } }, 'name.like'],
      [{ where: { price: { gt: null } } }, 'price.gt'],
      [{ where: { name: { in: 'apple' } } }, 'name.in'],
      [{ sort: ['name', '-name'] }, 'sort'],
      [{ limit: 0 }, 'limit'],
    ]
    for (const [list, field] of refusals)
      await expect(emaki.rows(things, list as never)).rejects.toMatchObject({ name: 'BadList', field })
    await expect(emaki.rows(sets)).rejects.toThrow('sets is live')
  })

  test('a runtime answers a query with its defaults, and anew after a change', async () => {
    const { emaki, set } = await startThings()
    const first = await set('t1', 'apple')
    expect(await emaki.query(onShelf, { shelf: 'top' }, { atLeast: first, waitMs: 10_000 })).toEqual(['t1'])
    const second = await set('t2', 'pear')
    expect(await emaki.query(onShelf, { shelf: 'top' }, { atLeast: second, waitMs: 10_000 })).toEqual(['t1', 't2'])
    expect(await emaki.query(onShelf, { shelf: 'top', limit: 1 })).toEqual(['t1'])
  })

  test('a runtime refuses parameters that do not fit their schema', async () => {
    const { emaki } = await startThings()
    expect(emaki.query(onShelf, { shelf: 'middle' as never })).rejects.toThrow("query('on-shelf'): shelf")
  })

  test('a runtime refuses a projection that it does not serve', async () => {
    const emaki = await runtime({ serve: [thing], store: store() })
    closing.push(emaki)
    expect(emaki.row(things, 't1')).rejects.toThrow('no projection things is served')
  })

  test('a runtime refuses at its start a query whose from names a projection that is not served, and without a from at its first read', async () => {
    const run: Parameters<typeof query>[1]['run'] = (_, read) => read(things).count()
    const named = query('named', { from: things, params: z.object({}), run })
    expect(runtime({ serve: [thing, named], store: store() })).rejects.toThrow(
      'the query named reads things, which is not served',
    )
    const unnamed = query('unnamed', { params: z.object({}), run })
    const emaki = await runtime({ serve: [thing, unnamed], store: store() })
    closing.push(emaki)
    expect(emaki.query(unnamed, {})).rejects.toThrow('no projection things is served')
  })

  test('a query reads no projection that its from does not name', async () => {
    const other = query('other', { from: [sets], params: z.object({}), run: (_, read) => read(things).count() })
    const emaki = await runtime({ serve: [thing, things, sets, other], store: store() })
    closing.push(emaki)
    expect(emaki.query(other, {})).rejects.toThrow("query('other') reads things, which its from does not name")
  })
})
