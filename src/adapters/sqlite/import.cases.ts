import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestedStore } from '../../ports/store/contract/case.ts'
import type { Store } from '../../ports/store/store.ts'
import { sqlite } from './store.ts'

/** A file of its own, which further stores may open beside. */
export async function openImportedLog(): Promise<TestedStore> {
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
}
