// Which tables there are, and which one of a projection's serves: a new version is filled beside the old one.

/** They are called when a process starts, when a table begins to serve, and by operators. */
export interface Tables {
  /**
   * Makes the tables that are missing, with their indexes; any number of processes may say so at once, and each does before it commits
   * rows. Throws a TypeError for names that would have to be quoted, and where a table is there with other indexes.
   */
  prepare(tables: readonly Table[]): Promise<void>
  /** Forgets a table with its rows, checkpoint, lease and parked keys, and that it serves. Its epochs never come again. */
  drop(name: string): Promise<void>
  /** The names of all tables there are. */
  tables(): Promise<readonly string[]>

  /** Which table serves a projection; null: none yet. */
  serving(projection: string): Promise<string | null>
  /** Lets another table serve, if it has come at least as far as the one that does. False: it has not. */
  serve(projection: string, name: string): Promise<boolean>
}

/** Where the rows of one version of a projection are, and the name of the subscription that fills it: `orders_v1`. */
export type Table = { readonly name: string; readonly indexes: readonly Index[] }
/** A field that is kept beside the row, so that it can be asked for and sorted by. Booleans are numbers, 0 and 1. */
export type Index = { readonly field: string; readonly kind: 'text' | 'number' }
export type Value = string | number | null
