import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { importContract } from '../../ports/store/import-contract/index.ts'
import type { Store } from '../../ports/store/store.ts'
import { sqlite } from './store.ts'

importContract('SQLite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'emaki-import-'))
  const stores: Store[] = []
  const reopen = async () => {
    const store = sqlite(join(folder, 'log.db'), { exclusive: false })
    stores.push(store)
    await store.open()
    return store
  }
  return {
    store: await reopen(),
    reopen,
    advance: async () => {},
    close: async () => {
      await Promise.all(stores.map(store => store.close()))
      rmSync(folder, { recursive: true })
    },
  }
})
