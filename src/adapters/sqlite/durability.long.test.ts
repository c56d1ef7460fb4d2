import { afterEach, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { cleanUp } from '../../test-support/cleanup.ts'
import { newFolder, openStore, startScript } from '../../test-support/sqlite.ts'

afterEach(cleanUp)

describe('an answered append', () => {
  test('an answered append is there after its process was killed, five times in a row', async () => {
    const file = join(newFolder(), 'log.db')
    for (let round = 0; round < 5; round++) {
      const writer = startScript(`
        const store = sqlite(${JSON.stringify(file)})
        await store.open()
        for (let version = await store.head(); ; version++) {
          const event = { id: Bun.randomUUIDv7(), type: 'Happened', schema: 'abcdefghij', data: JSON.stringify('x'.repeat(500)), meta: '{}' }
          await store.append([{ slices: [{ stream: 's-1', expect: version, events: [event] }], keys: [] }])
          print((version + 1) + ' ' + event.id)
        }`)
      for (let lines = 0; lines < 20 + 37 * round; lines++) await writer.line()
      await writer.kill()
      const answered = writer.lines.map(line => line.split(' ') as [string, string])
      const store = await openStore(file)
      const found = new Map((await store.readAll({ after: 0, limit: 100_000 })).map(({ version, id }) => [version, id]))
      expect(answered.filter(([version, id]) => found.get(Number(version)) !== id)).toEqual([])
      expect(found.size).toBe(await store.head())
      await store.close()
    }
  })
})
