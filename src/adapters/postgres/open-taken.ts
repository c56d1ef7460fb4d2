// Tries which settings a session may begin with: a pooler takes none, in whatever mode it is.
import { Pool, type PoolOptions } from './pool.ts'
import { NOT_TAKEN, SESSIONS, type SessionSettings } from './session.ts'

/** Gives a pool with the settings that the server takes. None: there is a pooler in between. Throws a StoreError. */
export async function openTaken(
  url: string,
  options: Omit<PoolOptions, 'session'>,
): Promise<{ readonly pool: Pool; readonly session: SessionSettings }> {
  for (const session of SESSIONS) {
    const pool = new Pool(url, { ...options, session })
    try {
      await pool.run(sql => sql`select`)
      return { pool, session }
    } catch (error) {
      await pool.close()
      if (!NOT_TAKEN.has(((error as Error).cause as { code?: unknown } | undefined)?.code)) throw error
    }
  }
  return { pool: new Pool(url, { ...options, session: {} }), session: {} }
}
