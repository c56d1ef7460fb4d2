/** A row of a table that this release cannot read: it is no JSON, or it does not fit the schema of its projection. */
export class UnreadableRow extends Error {
  override readonly name = 'UnreadableRow'
}
