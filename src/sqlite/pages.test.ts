import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pagesContract } from '../store/pages-contract.ts'
import { sqlite } from './store.ts'

pagesContract('SQLite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'emaki-pages-'))
  const store = sqlite(join(folder, 'log.db'))
  await store.open()
  return {
    store,
    reopen: async () => store,
    advance: () => {},
    close: async () => {
      await store.close()
      rmSync(folder, { recursive: true })
    },
  }
})
