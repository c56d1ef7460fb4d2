import postgres from 'postgres'

/** Compares what a rival stored with what it acknowledged. `query` gives rows and streams. Null: they are equal. */
export async function countRows(url: string, query: string, acked: number): Promise<string | null> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    const [found] = (await sql.unsafe(query)) as unknown as { rows: number; streams: number }[]
    const { rows, streams } = found!
    return rows === acked && streams === acked
      ? null
      : `${acked} events were acknowledged in streams of their own; found ${rows} in ${streams}`
  } finally {
    await sql.end()
  }
}
