import { expect, test } from 'bun:test'
import { readModelContract } from './contract/index.ts'
import { memoryReadModel } from './memory.ts'

readModelContract('memory', async () => {
  let time = 1_700_000_000_000
  const readModel = memoryReadModel({ now: () => time })
  return {
    readModel,
    // What is in memory is gone with its process: the same is all there is to open again.
    reopen: async () => readModel,
    advance: ms => {
      time += ms
    },
    close: async () => {},
  }
})

test('a read model in memory refuses to run statements, as it has no client for them', async () => {
  const readModel = memoryReadModel({ now: () => 0 })
  const { epoch } = (await readModel.acquire('s', { owner: 'a', ttlMs: 1, start: 0 }))!
  const page = { name: 's', epoch, from: 0, to: 1, ttlMs: 1, rows: [], park: [], unpark: [], run: () => {} }
  await expect(readModel.commit(page)).rejects.toThrow('memory has no client')
})
