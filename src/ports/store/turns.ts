/** The optional part of a store that several processes write. It saves lost appends, and no promise rests on it. */
export interface Turns {
  /**
   * Waits for this process's turn on a contested stream, first come, first served. Gives the function that ends the
   * turn. The store ends a turn that lasts too long. Null: there is no turn to get, and the caller appends without one.
   * Never rejects.
   */
  takeTurn?(stream: string): Promise<(() => void) | null>
}
