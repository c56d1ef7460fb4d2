import type { ISql } from 'postgres'

export type QueryValue = string | number | boolean | null

/**
 * Runs a text with its values, prepared if the pool may prepare. `custom`: plan it again for these values, because no
 * plan fits all values.
 */
export async function query<R extends object>(
  sql: Pick<ISql, 'unsafe'>,
  text: string,
  values: readonly QueryValue[],
  { custom = false }: { readonly custom?: boolean } = {},
): Promise<readonly R[]> {
  // The statement defines the shape of its rows. postgres.js accepts more parameters than its types allow.
  // Without values it would also send a text unprepared, but for an option that its types lack.
  const options = { prepare: !custom, simple: false } as { readonly prepare: boolean }
  return (await sql.unsafe(text, values as never[], options)) as unknown as readonly R[]
}

/** The values of a statement, in the order in which its text names them. */
export class SqlValues {
  readonly all: QueryValue[] = []

  /** Adds a value and gives its placeholder: `$1`. */
  add(value: QueryValue): string {
    this.all.push(value)
    return `$${this.all.length}`
  }
}
