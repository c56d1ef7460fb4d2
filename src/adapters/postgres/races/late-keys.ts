import type { Store } from '../../../ports/store/store.ts'
import type { TestSchema } from '../../../test-support/schema.ts'

/** The planted bug whose keys are written outside the append's transaction: by a statement of their own, once it has answered. */
export function lateKeys(store: Store, { sql, schema }: TestSchema): Pick<Store, 'append'> {
  return {
    append: async units => {
      const outcomes = await store.append(units)
      await sql.unsafe(
        `with late as (
          delete from ${schema}.late_keys
          where key in (select key from ${schema}.late_keys for update skip locked)
          returning *
        )
        insert into ${schema}.keys select * from late on conflict do nothing`,
      )
      return outcomes
    },
  }
}
