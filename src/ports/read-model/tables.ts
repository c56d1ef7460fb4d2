// The tables of read models, and which table of a projection serves. A new version is filled beside the old one.

/** Called when a process starts, when a table begins to serve, and by operators. */
export interface Tables {
  /**
   * Makes missing tables with their indexes. Any number of processes may call it at once, and each process calls it
   * before it commits rows. Throws a TypeError for names that would need quotes, and if a table exists with other
   * indexes.
   */
  prepare(tables: readonly Table[]): Promise<void>
  /**
   * Deletes a table with its rows, checkpoint, lease and parked keys. It no longer serves. Its epochs are never used
   * again.
   */
  drop(name: string): Promise<void>
  /** The names of all tables. */
  tables(): Promise<readonly string[]>

  /** The table that serves a projection; null: none does yet. */
  serving(projection: string): Promise<string | null>
  /** Makes a table serve, if its checkpoint is not below that of the serving table. False: it is below. */
  serve(projection: string, name: string): Promise<boolean>
}

/** The table of one version of a projection. The subscription that fills it has the same name: `orders_v1`. */
export type Table = { readonly name: string; readonly indexes: readonly Index[] }
/** A field that is stored beside the row, for filters and sorting. Booleans are numbers, 0 and 1. */
export type Index = { readonly field: string; readonly kind: 'text' | 'number' }
export type Value = string | number | null
