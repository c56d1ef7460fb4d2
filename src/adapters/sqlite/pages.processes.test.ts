import { afterEach, expect, test } from 'bun:test'
import { join } from 'node:path'
import { everything, orders } from '../../ports/read-model/contract/builders.ts'
import { cleanUp } from '../../test-support/cleanup.ts'
import { newFolder, openStore, startScript } from '../../test-support/sqlite.ts'

afterEach(cleanUp)

test('a page that was written is there after its process was killed, also one that does not wait for the disk', async () => {
  const file = join(newFolder(), 'log.db')
  for (let round = 0; round < 5; round++) {
    const writer = startScript(`
      const store = sqlite(${JSON.stringify(file)})
      await store.open()
      const { readModel } = store
      await readModel.prepare([${JSON.stringify(orders)}])
      const { epoch, position } = await readModel.acquire('orders_v1', { owner: 'a', ttlMs: 60_000, start: 0 })
      for (let from = position; ; from++) {
        const rows = ['last', 'o' + String(from + 1).padStart(6, '0')].map(key => ({ key, position: from + 1, data: '{}', fields: ['new', 1] }))
        const page = { name: 'orders_v1', epoch, from, to: from + 1, ttlMs: 60_000, rows, park: [], unpark: [], isRebuildable: true }
        if (!(await readModel.commit(page))) throw new Error('the page was refused')
        print(String(from + 1))
      }`)
    for (let lines = 0; lines < 20 + 37 * round; lines++) await writer.line()
    await writer.kill()
    const store = await openStore(file)
    const { found, position } = await store.readModel.list(orders, { ...everything, limit: 10_000 })
    expect(position).toBeGreaterThanOrEqual(Number(writer.lines.at(-1)))
    expect(found).toHaveLength(position + 1)
    expect(found[0]).toMatchObject({ key: 'last', position })
    await store.close()
  }
})
