import { afterAll } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { testOrders } from './fulfilment.cases.ts'

const folder = mkdtempSync(join(tmpdir(), 'emaki-fulfilment-'))
afterAll(() => rmSync(folder, { recursive: true }))

testOrders('SQLite', async () => ({ SQLITE_FILE: join(folder, 'log.db') }))
