import { checksum } from '../../../ports/store/migration.ts'
import { StoreError } from '../../../ports/store/errors.ts'
import type { Store } from '../../../ports/store/store.ts'
import { type TestSchema, testSchema } from '../../../test-support/schema.ts'
import { migrate } from '../migrate.ts'
import { migrations } from '../migrations.ts'
import { type PostgresOptions, postgres } from '../store.ts'
import { PATIENCE_MS, UNHURRIED } from './patience.ts'
import { type Variant, variantOf } from './plants.ts'

export type RaceLog = TestSchema & {
  /** An open store over it, which is closed with it. `name` comes with its sessions as the setting `races.writer`. */
  readonly store: (options?: PostgresOptions & { readonly writer?: number; readonly through?: string }) => Promise<Store>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/** A log of a race's own, as this release makes it or as a variant does. A store takes either for its own. */
export async function raceLog(variant: Variant = {}): Promise<RaceLog> {
  const at = await testSchema()
  await migrate(at.sql, at.schema, variantOf(variant))
  for (const { name, sql } of migrations)
    await at.sql`update ${at.sql(`${at.schema}.migrations`)} set checksum = ${checksum(sql)} where name = ${name}`
  const stores: Store[] = []
  return {
    ...at,
    store: async ({ writer, through = at.url, ...options } = {}) => {
      const url = new URL(through)
      if (writer !== undefined) url.searchParams.set('options', `-craces.writer=${writer}`)
      const store = postgres(url.href, { schema: at.schema, migrate: false, readers: 1, pooler: false, ...UNHURRIED, ...options })
      stores.push(store)
      await openStore(store)
      return store
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(stores.map(store => store.close()))
      await at.drop()
    },
  }
}

/** What is short for the sake of a race may be too short to open a store in. */
async function openStore(store: Store): Promise<void> {
  for (const until = performance.now() + PATIENCE_MS; ; ) {
    try {
      return await store.open()
    } catch (error) {
      if (!(error instanceof StoreError && error.reason === 'unavailable') || performance.now() > until) throw error
    }
  }
}
