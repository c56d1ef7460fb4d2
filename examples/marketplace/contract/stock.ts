// Stock is reserved, released and committed by order, and never oversold.
import { describe, expect, test } from 'bun:test'
import type { Marketplace } from './client.ts'

export function testStock({ id, ask, post, eventsOf, after }: Marketplace): void {
  describe('stock', () => {
    test('stock is reserved, released and committed by order', async () => {
      const sku = id()
      await after('inventory', sku, [
        ['restock', { qty: 10 }],
        ['reserve', { order: 'o1', qty: 4 }],
        ['reserve', { order: 'o2', qty: 6 }],
        ['release', { order: 'o1' }],
        ['commit', { order: 'o2' }],
        ['reserve', { order: 'o3', qty: 1 }],
      ])
      expect((await ask(`/inventory/${sku}`)).body).toEqual({ free: 3, held: { o3: 1 } })
      expect((await ask(`/inventory/${sku}?version=3`)).body).toEqual({ free: 0, held: { o1: 4, o2: 6 } })
    })

    test('stock of twenty is sold exactly twenty times to fifty who order at once', async () => {
      const sku = id()
      await post(`/inventory/${sku}/restock`, { qty: 20 })
      const wanted = Array.from({ length: 50 }, (_, i) => post(`/inventory/${sku}/reserve`, { order: `o${i}`, qty: 1 }))
      const statuses = (await Promise.all(wanted)).map(({ status }) => status)
      expect([200, 422].map(one => statuses.filter(status => status === one).length)).toEqual([20, 30])
      expect((await eventsOf(`inventory-${sku}`)).filter(({ type }) => type === 'Reserved')).toHaveLength(20)
    })

    test.each(["o'brien", '$$', '"quoted"', 'toString', 'constructor', 'ü 日本 🎁', ' '])(
      'stock is reserved for the order %j, byte for byte',
      async order => {
        const sku = id()
        await after('inventory', sku, [
          ['restock', { qty: 5 }],
          ['reserve', { order, qty: 2 }],
          ['reserve', { order, qty: 2 }],
        ])
        const events = await eventsOf(`inventory-${sku}`)
        expect(events.map(({ data }) => data)).toEqual([{ qty: 5 }, { order, qty: 2 }])
        const { held } = (await ask(`/inventory/${sku}`)).body as { held: object }
        expect(Object.entries(held)).toEqual([[order, 2]])
        expect((await post(`/inventory/${sku}/release`, { order })).body).toMatchObject({ version: 3 })
        expect((await ask(`/inventory/${sku}`)).body).toEqual({ free: 5, held: {} })
      },
    )
  })
}
