import type { ISql } from 'postgres'

export type QueryValue = string | number | boolean | null

/** Runs a text with its values, prepared where the pool may prepare. `custom`: planned anew for these values, as few plans fit all. */
export async function query<R extends object>(
  sql: Pick<ISql, 'unsafe'>,
  text: string,
  values: readonly QueryValue[],
  { custom = false }: { readonly custom?: boolean } = {},
): Promise<readonly R[]> {
  // The rows' shape is that of the statement; postgres.js types a parameter more narrowly than it takes it.
  return (await sql.unsafe(text, values as never[], { prepare: !custom })) as unknown as readonly R[]
}

/** A statement's values, in the order in which its text names them. */
export class SqlValues {
  readonly all: QueryValue[] = []

  /** Takes a value and gives its place: `$1`. */
  add(value: QueryValue): string {
    this.all.push(value)
    return `$${this.all.length}`
  }
}
