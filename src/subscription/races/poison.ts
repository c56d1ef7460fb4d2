// Events that a fold does not survive, known by how their token begins.

export type Poison = 'throws' | 'gives NaN' | 'gives a promise' | 'never ends'

/** What a fold makes of an event: its row, unless the event is poison. */
export function applyPoison<Row>(poison: Poison | null, token: string, row: Row): Row {
  if (poison === null || !token.startsWith(`poison: ${poison}`)) return row
  switch (poison) {
    case 'throws':
      throw new Error('poison')
    case 'gives NaN':
      return { ...row, count: Number.NaN }
    case 'gives a promise':
      // What no type lets through, a fold in JavaScript may still do.
      return Promise.resolve(row) as never
    case 'never ends':
      for (;;);
  }
}
