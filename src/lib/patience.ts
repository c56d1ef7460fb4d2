/**
 * How long others are waited for, in ms, where nobody says otherwise. Our own tests raise it before they begin: whether they
 * pass must not depend on how fast a machine is.
 */
export const patience: { commandMs: number; statementMs: number; lockMs: number; connectMs: number } = {
  /** For the outcome of a command. */
  commandMs: 5_000,
  /** For the answer to a statement of a database. */
  statementMs: 4_000,
  /** For the lock of a log, within a statement. */
  lockMs: 2_000,
  /** For a new connection to a database. */
  connectMs: 3_000,
}
