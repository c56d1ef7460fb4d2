import { afterAll } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memory } from 'emaki'
import { postgres } from 'emaki/postgres'
import { sqlite } from 'emaki/sqlite'
import type { Store } from '../../../src/ports/store/store.ts'
import { type TestSchema, testSchema } from '../../../src/test-support/schema.ts'

const folder = mkdtempSync(join(tmpdir(), 'emaki-fines-'))
afterAll(() => rmSync(folder, { recursive: true }))
const schemas: TestSchema[] = []
afterAll(() => Promise.all(schemas.map(({ drop }) => drop())))
/** An empty store of each kind. */
export const stores: Readonly<Record<string, () => Promise<Store>>> = {
  memory: async () => memory(),
  SQLite: async () => sqlite(join(folder, `${Bun.randomUUIDv7()}.db`)),
  PostgreSQL: async () => {
    const at = await testSchema()
    schemas.push(at)
    return postgres(at.url, { schema: at.schema })
  },
}
