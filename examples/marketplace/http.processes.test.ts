import { afterAll, describe } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serveProcess } from '../../src/test-support/served-process.ts'
import { testPostgres } from '../../src/test-support/servers/postgres.ts'
import { marketplaceHttp } from './contract/index.ts'

const source = [process.execPath, join(import.meta.dir, 'by-hand.ts')]
const folder = mkdtempSync(join(tmpdir(), 'emaki-marketplace-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('the marketplace on SQLite', () => {
  marketplaceHttp(() => serveProcess(source, { SQLITE_FILE: join(folder, 'log.db'), LEASE_MS: '500' }))
})

describe('the marketplace on PostgreSQL', () => {
  marketplaceHttp(async () => {
    const { createDatabase } = await testPostgres()
    return serveProcess(source, { DATABASE_URL: await createDatabase('marketplace'), LEASE_MS: '500' })
  })
})
